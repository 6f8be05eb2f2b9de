import { randomUUID } from 'node:crypto'
import { realpath, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { makeFolder } from '@inverseform/backbones/node'
import { InverseFormError } from '@inverseform/errors'

/** Makes the folders of files that long work will write, and finds out before it whether they can be written. */
export async function expectWritable(files: readonly string[]): Promise<void> {
  const seen = new Set<string>()
  for (const file of files) {
    const folder = dirname(file)
    await makeFolder(folder)
    const path = join(await realpath(folder), basename(file))
    if (seen.has(path))
      throw new InverseFormError('invalid-argument', `Two outputs are to be written to ${file}.`, {
        hint: 'Give each output a file of its own.',
        details: { file },
      })
    seen.add(path)
    if (await isFolder(file))
      throw new InverseFormError('write-failed', `${file} is a folder, and a file is to be written there.`, {
        hint: 'Name a file in it, or another one.',
        details: { file },
      })
    await tryFolder(folder)
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  )

/** Permissions do not tell all, so a file is written. */
async function tryFolder(folder: string): Promise<void> {
  const file = join(folder, `.inverseform-${randomUUID()}.tmp`)
  try {
    await writeFile(file, '', { flag: 'wx' })
    await rm(file)
  } catch (cause) {
    throw new InverseFormError(
      'write-failed',
      `No file can be written to ${folder}: ${(cause as Error).message}.`,
      { hint: 'Choose another output folder.', details: { folder }, cause },
    )
  }
}
