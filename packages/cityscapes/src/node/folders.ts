import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { InverseFormError } from '@inverseform/errors'

export const byName = (a: string, b: string): number => (a < b ? -1 : 1)

export const baseName = (path: string): string => path.slice(path.lastIndexOf(sep) + 1)

export function firstFew(names: readonly string[]): string {
  if (names.length === 0) return 'nothing'
  return names.slice(0, 5).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '')
}

/** How many files each problem has and the first few of them; undefined where none has any. */
export function problemsText(
  problems: readonly (readonly [what: string, names: readonly string[]])[],
): string | undefined {
  const found = problems.filter(([, names]) => names.length > 0)
  if (found.length === 0) return undefined
  return found.map(([what, names]) => `${names.length} ${what}: ${firstFew(names)}.`).join(' ')
}

/** What is in a folder; undefined for what is no folder. */
export async function list(folder: string, recursive = false): Promise<Dirent[] | undefined> {
  try {
    return await readdir(folder, { withFileTypes: true, recursive })
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new InverseFormError('unreadable', `${folder} cannot be listed: ${message}.`, {
      hint: 'Check that you may read this folder.',
      details: { folder },
      cause,
    })
  }
}

/**
 * All files in a folder and in the folders in it, but for names with a leading dot; links to folders are not followed.
 * @throws InverseFormError `not-found`, with the hint given, for no folder
 */
export async function walk(folder: string, hint: string): Promise<string[]> {
  const entries = await list(folder, true)
  if (entries === undefined)
    throw new InverseFormError('not-found', `There is no folder ${folder}.`, {
      hint,
      details: { folder },
    })
  return entries
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ parentPath, name }) => join(parentPath, name))
}
