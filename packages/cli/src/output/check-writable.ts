import { realpath, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { makeFolder, systemReason, temporaryFileName } from '@inverseform/shared/node'

/**
 * Checks, before long work, that its output files can be written. Creates their folders.
 * @throws InverseFormError `write-failed`; `invalid-argument` for two outputs with one path
 */
export async function checkWritable(files: readonly string[]): Promise<void> {
  const seen = new Set<string>()
  for (const file of files) {
    const folder = dirname(file)
    await makeFolder(folder)
    const path = join(await realpath(folder), basename(file))
    if (seen.has(path)) {
      throw new InverseFormError('invalid-argument', `Two outputs have the path ${file}.`, {
        hint: 'Use a different path for each output.',
        details: { file },
      })
    }
    seen.add(path)
    if (await isFolder(file)) {
      throw new InverseFormError('write-failed', `${file} is a folder, but this output is a file.`, {
        hint: 'Add a file name, or choose another path.',
        details: { file },
      })
    }
    await tryFolder(folder)
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  )

/** Writes a file, since permissions alone do not tell whether that works. */
async function tryFolder(folder: string): Promise<void> {
  const file = join(folder, temporaryFileName())
  try {
    await writeFile(file, '', { flag: 'wx' })
    await rm(file)
  } catch (cause) {
    throw new InverseFormError(
      'write-failed',
      `Files cannot be written to ${folder}: ${systemReason(cause)}.`,
      { hint: 'Choose another output folder.', details: { folder }, cause },
    )
  }
}
