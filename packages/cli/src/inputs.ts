import { readdir, stat } from 'node:fs/promises'
import { dirname, extname, join, relative, resolve, sep } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { glob, isDynamicPattern } from 'tinyglobby'

const IMAGE = /\.(png|jpe?g|webp|avif|tiff?|gif)$/i

export interface InputImage {
  readonly path: string
  /** Where its outputs go, below the output folder, without an extension: unique among the inputs. */
  readonly stem: string
}

/** The images that files, folders (with all below them) and globs name, in order, each once. */
export async function findImages(inputs: readonly string[]): Promise<InputImage[]> {
  const found = await Promise.all(inputs.map(expand))
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

async function expand(input: string): Promise<string[]> {
  const info = await stat(input).catch(() => undefined)
  if (info?.isFile()) return [resolve(input)]
  if (info?.isDirectory()) return expandFolder(input)
  const matches = isDynamicPattern(input)
    ? await glob(input.split(sep).join('/'), { absolute: true, expandDirectories: false })
    : []
  const images = matches.filter((path) => IMAGE.test(path)).sort()
  if (images.length > 0) return images.map((path) => resolve(path))
  throw new InverseFormError('not-found', `There is no image, folder or match for ${input}.`, {
    hint: 'Check the path; quote globs such as "photos/**/*.jpg" so that the shell passes them on.',
  })
}

async function expandFolder(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true })
  const images = names.filter((name) => IMAGE.test(name)).sort()
  if (images.length > 0) return images.map((name) => resolve(folder, name))
  throw new InverseFormError('not-found', `There are no images in the folder ${folder}.`, {
    hint: 'PNG, JPEG, WebP, AVIF, TIFF and GIF files are read.',
  })
}

function commonFolder(paths: readonly string[]): string {
  const folders = paths.map((path) => dirname(path).split(sep))
  const [first, ...others] = folders
  let depth = 0
  while (depth < first.length && others.every((parts) => parts[depth] === first[depth])) depth++
  return join(sep, ...first.slice(0, depth))
}
