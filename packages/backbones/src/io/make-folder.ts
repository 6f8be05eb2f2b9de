import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { InverseFormError } from '@inverseform/errors'

/**
 * Makes a folder and those above it; one that is there is left as it is.
 * @throws InverseFormError `write-failed`
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeWithParents(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new InverseFormError(
      'write-failed',
      `The folder ${path} cannot be made: ${reasons[code ?? ''] ?? code}.`,
      {
        hint: 'Choose another output folder.',
        cause,
      },
    )
  }
}

/** Node's own recursive mkdir never ends where a folder is there but nothing can be made in it, as in /proc. */
async function makeWithParents(path: string): Promise<void> {
  const error = await makeOne(path)
  if (error?.code !== 'ENOENT' || dirname(path) === path) {
    if (error) throw error
    return
  }
  await makeWithParents(dirname(path))
  const second = await makeOne(path)
  if (second) throw second
}

/** Why a folder could not be made; undefined when it is there now. */
async function makeOne(path: string): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await mkdir(path)
    return undefined
  } catch (error) {
    const isThere = await stat(path).then(
      (info) => info.isDirectory(),
      () => false,
    )
    return isThere ? undefined : (error as NodeJS.ErrnoException)
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EEXIST: 'a file is in its place',
  ENOTDIR: 'a file is in the place of a folder above it',
  ENOENT: 'nothing can be made there',
}
