import type { Dirent } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { dirname, extname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { fileError, openRegularFile } from '@inverseform/shared/node'
import { glob, isDynamicPattern } from 'tinyglobby'
import { kindOfFile } from './image-kinds.js'

/** The input that stands for standard input. */
export const STDIN = '-'

export interface InputImage {
  /** The path of the image, or `-`. */
  readonly path: string
  /** The path of its outputs below the output folder, without an extension. It is unique among the inputs. */
  readonly stem: string
}

export interface SkippedFile {
  readonly path: string
  /** Why it was skipped, to go on after "skipped: ". */
  readonly reason: string
}

export interface FoundImages {
  readonly images: readonly InputImage[]
  /** Files of folders and globs that are not segmented. Hidden files and those in the output folder are not listed. */
  readonly skipped: readonly SkippedFile[]
}

/** The ends of the files that `predict` writes, after the stem of an image. */
export const outputEnds = [
  '_labelIds.png',
  '_colors.png',
  '_overlay.jpg',
  '_overlay.png',
  '_edges.png',
  '_confidence.png',
] as const
export type OutputEnd = (typeof outputEnds)[number]

/**
 * Finds the images of files, folders (at any depth) and globs, in order, each file once even if links lead to it. Skips
 * what this program wrote: the files in the output folder, and files named like the outputs of another input.
 *
 * @throws InverseFormError `not-found` for an input without images; `unreadable` for a pipe or a device
 */
export async function findImages(inputs: readonly string[], outputs: string): Promise<FoundImages> {
  const found: Found = { paths: [], skipped: [] }
  const seen = new Set<string>()
  for (const input of inputs) {
    const { paths, skipped } = await expand(input, await realPathOf(outputs))
    for (const path of paths) {
      const file = path === STDIN ? path : await realPathOf(path)
      if (!seen.has(file)) found.paths.push(path)
      seen.add(file)
    }
    found.skipped.push(...skipped)
  }
  const own = ownOutputs(found.paths, resolve(outputs))
  const paths = found.paths.filter((path) => !own.has(path))
  const ownSkipped = [...own].map((path) => ({ path, reason: 'it is an output of an earlier run' }))
  return { images: withStems(paths), skipped: [...found.skipped, ...ownSkipped] }
}

interface Found {
  readonly paths: string[]
  readonly skipped: SkippedFile[]
}

async function expand(input: string, outputs: string): Promise<Found> {
  if (input === STDIN) return { paths: [STDIN], skipped: [] }
  const info = await stat(input).catch(() => undefined)
  if (info?.isFile()) return { paths: [resolve(input)], skipped: [] }
  if (info?.isDirectory()) return expandFolder(input, outputs)
  if (info) throw await notAFile(input)
  const matched = isDynamicPattern(input) ? await match(input) : []
  const images = await choose(matched.filter((path) => !isBelow(path, outputs)))
  if (images.paths.length > 0) return images
  throw new InverseFormError(
    'not-found',
    `${input} is not an image or a folder, and no image matches it.${countText(images.skipped)}`,
    {
      hint: 'Check the path. Quote globs, such as "photos/**/*.jpg", so that the shell does not expand them.',
    },
  )
}

async function expandFolder(folder: string, outputs: string): Promise<Found> {
  const root = await realPathOf(folder)
  const inside = root === outputs || isBelow(root, outputs)
  const found = await choose(await walk(resolve(folder), inside ? undefined : outputs))
  if (found.paths.length > 0) return found
  throw new InverseFormError('not-found', `The folder ${folder} has no images.${countText(found.skipped)}`, {
    hint: 'Use PNG, JPEG, WebP, AVIF, TIFF or GIF files.',
  })
}

/** Returns the error for a pipe or a device. */
async function notAFile(path: string): Promise<InverseFormError> {
  try {
    const { handle } = await openRegularFile(path)
    await handle.close()
    return new InverseFormError('unreadable', `${path} is not a regular file.`)
  } catch (error) {
    const { code, message, details } = error as InverseFormError
    return new InverseFormError(code, message, {
      hint: 'Pass a file, or pass - and redirect it to standard input.',
      details,
      cause: error,
    })
  }
}

const countText = (skipped: readonly SkippedFile[]): string => {
  const [first] = skipped
  if (first === undefined) return ''
  const others = skipped.length > 1 ? ` ${skipped.length - 1} more files were skipped.` : ''
  return ` ${first.path} was skipped: ${first.reason}.${others}`
}

/**
 * Lists the files in a folder, at any depth, without hidden ones (macOS puts `._*.png` beside pictures) and without
 * those below `outputs`. Follows links to folders, each folder once; a folder's own path is preferred to a link's.
 */
async function walk(root: string, outputs: string | undefined): Promise<string[]> {
  const files: string[] = []
  const visited = new Set<string>()
  const links: string[] = []
  const visit = async (folder: string): Promise<void> => {
    const real = await realPathOf(folder)
    if (visited.has(real) || real === outputs) return
    visited.add(real)
    for (const entry of await entriesOf(folder)) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) await visit(path)
      else if (entry.isSymbolicLink() && (await isFolder(path))) links.push(path)
      else files.push(path)
    }
  }
  await visit(root)
  for (let link = links.shift(); link !== undefined; link = links.shift()) await visit(link)
  return withoutLinks(files)
}

/** Sorts paths, and removes links to files that are in the list themselves. */
async function withoutLinks(paths: readonly string[]): Promise<string[]> {
  const kept = new Map<string, string>()
  for (const path of [...paths].sort()) {
    const real = await realPathOf(path)
    if (!kept.has(real) || path === real) kept.set(real, path)
  }
  return [...kept.values()].sort()
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.filter(({ name }) => !name.startsWith('.'))
  } catch (cause) {
    throw fileError(folder, cause)
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  )

/** Returns the files that match a glob. Links to folders are not followed, since they may form loops. */
async function match(pattern: string): Promise<string[]> {
  const matches = await glob(pattern.split(sep).join('/'), {
    absolute: true,
    expandDirectories: false,
    followSymbolicLinks: false,
  })
  return withoutLinks(matches.map((path) => resolve(path)))
}

/** Divides files into images and others. */
async function choose(files: readonly string[]): Promise<Found> {
  const found: Found = { paths: [], skipped: [] }
  for (const path of files) {
    const reason = await kindOfFile(path)
    if (reason === 'image') found.paths.push(path)
    else found.skipped.push({ path, reason })
  }
  return found
}

/** Returns the files in the output folder that are named like the outputs of another file. */
function ownOutputs(paths: readonly string[], outputs: string): ReadonlySet<string> {
  const names = new Set<string>()
  for (const path of paths) {
    // An output keeps the end of its image's path, with the extension only where names collide.
    for (const name of [path, path.slice(0, -extname(path).length || undefined)]) {
      const parts = name.split(sep)
      for (let first = 0; first < parts.length; first++) names.add(parts.slice(first).join(sep))
    }
  }
  const isOwn = (path: string): boolean =>
    isBelow(path, outputs) &&
    outputEnds.some((end) => path.endsWith(end) && names.has(relative(outputs, path).slice(0, -end.length)))
  return new Set(paths.filter(isOwn))
}

function withStems(paths: readonly string[]): InputImage[] {
  const files = paths.filter((path) => path !== STDIN)
  const root = files.length > 0 ? commonFolder(files) : ''
  const whole = (path: string) => (path === STDIN ? 'stdin' : relative(root, path))
  const short = (path: string) => whole(path).slice(0, -extname(whole(path)).length || undefined)
  // File systems may ignore case and how accents are composed.
  const key = (stem: string) => stem.normalize('NFC').toLowerCase()
  const counts = new Map<string, number>()
  for (const path of paths) {
    for (const stem of new Set([key(short(path)), key(whole(path))])) {
      counts.set(stem, (counts.get(stem) ?? 0) + 1)
    }
  }
  const images = paths.map((path) => {
    const isUnique = counts.get(key(short(path))) === 1
    return { path, stem: isUnique ? short(path) : whole(path) }
  })
  checkStems(images)
  return images
}

/** @throws InverseFormError `invalid-argument` for two images whose outputs would have the same path */
function checkStems(images: readonly InputImage[]): void {
  const byStem = new Map<string, string>()
  for (const { path, stem } of images) {
    const other = byStem.get(stem)
    if (other !== undefined) {
      throw new InverseFormError('invalid-argument', `${other} and ${path} would have the same outputs.`, {
        hint: 'Segment them one after the other, each with its own --out.',
        details: { paths: [other, path] },
      })
    }
    byStem.set(stem, path)
  }
}

/** Resolves links in a path, which need not exist. */
async function realPathOf(path: string): Promise<string> {
  const absolute = resolve(path)
  try {
    return await realpath(absolute)
  } catch {
    const parent = dirname(absolute)
    return parent === absolute ? absolute : join(await realPathOf(parent), relative(parent, absolute))
  }
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
