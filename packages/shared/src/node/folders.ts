import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { InverseFormError } from '@inverseform/errors'

/**
 * Creates a folder and its parents. Leaves existing ones as they are.
 * @throws InverseFormError `invalid-argument` for an empty path, as of a variable that is not set; `write-failed`
 */
export async function makeFolder(path: string): Promise<void> {
  if (path === '') {
    throw new InverseFormError('invalid-argument', 'The path of the folder is empty.', {
      hint: 'Name an output folder. A variable may not be set.',
    })
  }
  try {
    await makeWithParents(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new InverseFormError(
      'write-failed',
      `The folder ${path} could not be created: ${reasons[code ?? ''] ?? code}.`,
      {
        hint: 'Choose another output folder.',
        cause,
      },
    )
  }
}

/** Node's recursive mkdir loops forever inside a folder that allows no entries, such as /proc. */
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

/** Returns why a folder could not be created; undefined when it exists now. */
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
  EEXIST: 'a file of that name exists',
  ENOTDIR: 'one of its parents is a file',
  ENOENT: 'this file system does not allow new folders there',
}
