import { stat } from 'node:fs/promises'
import { dirname, extname, isAbsolute, relative, resolve, sep } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { glob, isDynamicPattern } from 'tinyglobby'

const IMAGE = /\.(png|jpe?g|webp|avif|tiff?|gif)$/i

export interface InputImage {
  readonly path: string
  /** The path of its outputs below the output folder, without an extension. It is unique among the inputs. */
  readonly stem: string
}

/**
 * Finds the images of files, folders (at any depth) and globs, in order, each once. Skips images in the output folder, so
 * that a second run does not segment the pictures of the first run.
 *
 * @throws InverseFormError `not-found` for an input without images
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
  throw new InverseFormError('not-found', `${input} is not an image or a folder, and no image matches it.`, {
    hint: 'Check the path. Quote globs, such as "photos/**/*.jpg", so that the shell does not expand them.',
  })
}

async function expandFolder(folder: string, outputs: string): Promise<string[]> {
  const images = await match('**', folder, outputs)
  if (images.length > 0) return images
  throw new InverseFormError('not-found', `The folder ${folder} has no images.`, {
    hint: 'Use PNG, JPEG, WebP, AVIF, TIFF or GIF files.',
  })
}

/**
 * Returns image files, sorted, without hidden ones (macOS puts `._*.png` beside pictures) and without folders named like
 * images.
 */
async function match(pattern: string, folder: string, outputs: string): Promise<string[]> {
  const matches = await glob(pattern, { cwd: folder, absolute: true, expandDirectories: false })
  const paths = matches.map((path) => resolve(path)).sort()
  return paths.filter((path) => IMAGE.test(path) && !(isBelow(outputs, folder) && isBelow(path, outputs)))
}

function isBelow(path: string, folder: string): boolean {
  const below = relative(folder, path)
  return below !== '' && below !== '..' && !below.startsWith(`..${sep}`) && !isAbsolute(below)
}

function commonFolder(paths: readonly string[]): string {
  const folders = paths.map((path) => dirname(path).split(sep))
  const [first, ...others] = folders
  let depth = 0
  while (depth < first.length && others.every((parts) => parts[depth] === first[depth])) depth++
  // With the separator at the end, the first part alone is a root: `/`, or `C:\` on Windows.
  return first.slice(0, depth).join(sep) + sep
}
