import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { InverseFormError } from '@inverseform/errors'

/** Takes the next bytes of a file. */
export type Append = (bytes: Uint8Array) => Promise<void>

/**
 * Writes a file whole or not at all, its folder made if need be: into a temporary file beside it, renamed when `write`
 * is done and removed when it fails. An existing file is replaced.
 * @throws InverseFormError `write-failed`; what `write` itself throws passes through
 */
export async function writeFileAtomically(
  path: string,
  write: (append: Append) => Promise<void>,
): Promise<void> {
  await attempt(path, mkdir(dirname(path), { recursive: true }))
  // A name of its own length, since `path` may already be as long as a name can be.
  const temporary = join(dirname(path), `.inverseform-${randomUUID()}.tmp`)
  const file = await attempt(path, open(temporary, 'wx'))
  try {
    try {
      await write((bytes) => attempt(path, file.writeFile(bytes)))
    } finally {
      await attempt(path, file.close())
    }
    await attempt(path, rename(temporary, path))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

async function attempt<T>(path: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation
  } catch (cause) {
    throw new InverseFormError('write-failed', `${path} could not be written: ${(cause as Error).message}.`, {
      hint: 'Check that you may write there and that the disk has room.',
      details: { path },
      cause,
    })
  }
}
