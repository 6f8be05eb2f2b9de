import type { Dirent } from 'node:fs'
import { readdir, realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { checkPath, fileError } from '@inverseform/shared/node'

export const byName = (a: string, b: string): number => (a < b ? -1 : 1)

export const baseName = (path: string): string => path.slice(path.lastIndexOf(sep) + 1)

/** Describes problems by their number of files and the first few names; undefined without problems. */
export function problemsText(
  problems: readonly (readonly [what: string, names: readonly string[]])[],
): string | undefined {
  const found = problems.filter(([, names]) => names.length > 0)
  if (found.length === 0) return undefined
  return found.map(([what, names]) => `${names.length} ${what}: ${listFew(names)}.`).join(' ')
}

/** Lists a folder; undefined when it does not exist or is a file. */
export async function list(folder: string, recursive = false): Promise<Dirent[] | undefined> {
  try {
    return await readdir(folder, { withFileTypes: true, recursive })
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    if (code === 'EMFILE' || code === 'ENFILE') throw fileError(folder, cause)
    throw new InverseFormError('unreadable', `${folder} cannot be listed: ${message}.`, {
      hint: 'Check that you may read this folder.',
      details: { folder },
      cause,
    })
  }
}

/**
 * Lists all files in a folder, at any depth. Skips names with a leading dot and does not follow links to folders.
 * @throws InverseFormError `not-found`, with `hint`, for a missing folder
 */
export async function walk(folder: string, hint: string): Promise<string[]> {
  const entries = await list(folder, true)
  if (entries === undefined) {
    throw new InverseFormError('not-found', `The folder ${folder} does not exist.`, {
      hint,
      details: { folder },
    })
  }
  return entries
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ parentPath, name }) => join(parentPath, name))
}

/**
 * Lists the files that {@link walk} finds, without those in the folder `out`. A second run therefore never reads what
 * the first one wrote. An `out` above the folder or beside it excludes nothing.
 * @throws InverseFormError `not-found`, with `hint`, for a missing folder; `invalid-argument` when `out` is the same
 *   folder, even through a link
 */
export async function walkOutside(folder: string, out: string | undefined, hint: string): Promise<string[]> {
  const files = await walk(folder, hint)
  if (out === undefined) return files
  checkPath('out', out)
  const path = relative(await realPath(folder), await realPath(out))
  if (path === '') {
    throw new InverseFormError(
      'invalid-argument',
      `\`out\` must not be the folder of the label maps, got ${out}.`,
      { hint: 'Write to another folder.', details: { folder, out } },
    )
  }
  if (path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path)) return files
  return files.filter((file) => !file.startsWith(join(folder, path) + sep))
}

/** Resolves links in a path, which need not exist yet. */
async function realPath(path: string): Promise<string> {
  const parent = dirname(resolve(path))
  try {
    return await realpath(path)
  } catch (error) {
    if (parent === resolve(path)) throw error
    return join(await realPath(parent), basename(path))
  }
}

/**
 * Returns the folder of the data set: `data`, or else the environment variable CITYSCAPES_DATASET.
 * @throws InverseFormError `invalid-argument` when neither is set
 */
export function dataFolder(data: string | undefined): string {
  const folder = data || process.env.CITYSCAPES_DATASET
  if (data) checkPath('data', data)
  if (folder) return folder
  throw new InverseFormError('invalid-argument', 'No data set folder was given.', {
    hint: 'Pass it as `data`, or set the environment variable CITYSCAPES_DATASET.',
  })
}
