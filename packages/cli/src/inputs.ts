import { stat } from 'node:fs/promises'
import { dirname, extname, isAbsolute, relative, resolve, sep } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { glob, isDynamicPattern } from 'tinyglobby'

const IMAGE = /\.(png|jpe?g|webp|avif|tiff?|gif)$/i

export interface InputImage {
  readonly path: string
  /** Where its outputs go, below the output folder, without an extension: unique among the inputs. */
  readonly stem: string
}

/**
 * The images that files, folders (with all below them) and globs name, in order, each once. What lies in the folder
 * `outputs` is left out of folders and globs that reach into it: a second run does not segment the first one's pictures.
 */
export async function findImages(inputs: readonly string[], outputs: string): Promise<InputImage[]> {
  const found = await Promise.all(inputs.map((input) => expand(input, outputs)))
  const paths = [...new Set(found.flat())]
  const root = commonFolder(paths)
  const withoutExtension = (path: string) => relative(root, path).slice(0, -extname(path).length || undefined)
  const counts = new Map<string, number>()
  for (const path of paths) counts.set(withoutExtension(path), (counts.get(withoutExtension(path)) ?? 0) + 1)
  return paths.map((path) => {
    const short = withoutExtension(path)
    return { path, stem: counts.get(short) === 1 ? short : relative(root, path) }
  })
}

async function expand(input: string, outputs: string): Promise<string[]> {
  const info = await stat(input).catch(() => undefined)
  if (info?.isFile()) return [resolve(input)]
  if (info?.isDirectory()) return expandFolder(input, outputs)
  const images = isDynamicPattern(input) ? await match(input.split(sep).join('/'), '.', outputs) : []
  if (images.length > 0) return images
  throw new InverseFormError('not-found', `There is no image, folder or match for ${input}.`, {
    hint: 'Check the path; quote globs such as "photos/**/*.jpg" so that the shell passes them on.',
  })
}

async function expandFolder(folder: string, outputs: string): Promise<string[]> {
  const images = await match('**', folder, outputs)
  if (images.length > 0) return images
  throw new InverseFormError('not-found', `There are no images in the folder ${folder}.`, {
    hint: 'PNG, JPEG, WebP, AVIF, TIFF and GIF files are read.',
  })
}

/** Image files, sorted; neither hidden ones (macOS puts `._*.png` beside pictures) nor folders named like images. */
async function match(pattern: string, folder: string, outputs: string): Promise<string[]> {
  const matches = await glob(pattern, { cwd: folder, absolute: true, expandDirectories: false })
  const paths = matches.map((path) => resolve(path)).sort()
  return paths.filter((path) => IMAGE.test(path) && !(isBelow(outputs, folder) && isBelow(path, outputs)))
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

function commonFolder(paths: readonly string[]): string {
  const folders = paths.map((path) => dirname(path).split(sep))
  const [first, ...others] = folders
  let depth = 0
  while (depth < first.length && others.every((parts) => parts[depth] === first[depth])) depth++
  // The separator at the end makes a root of the first part alone: `/`, or `C:\` on Windows.
  return first.slice(0, depth).join(sep) + sep
}
