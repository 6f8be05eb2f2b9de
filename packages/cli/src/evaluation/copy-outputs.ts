import { constants } from 'node:fs'
import { lstat, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { fileError, whileWriting, writeWholeFile } from '@inverseform/shared/node'
import { isPathBelow } from '../path-below.js'
import type { DoneImage } from '../state/run-state.js'

/** The folders of outputs, which a state may name files in. */
const OUTPUT = /^(images|predictions)\//

/**
 * Copies what was written for images from the folder of a shard. The names are from a state, which may come from anywhere: files
 * outside of the two folders are neither read nor written, whatever the names and the links there are.
 *
 * @throws InverseFormError `unreadable` for a name that leads out of a folder, and for a file that is missing or a link
 */
export async function copyOutputs(
  from: string,
  to: string,
  done: readonly DoneImage[],
  signal: AbortSignal,
): Promise<void> {
  for (const { outputs } of done) {
    for (const output of outputs) {
      signal.throwIfAborted()
      checkRelative(from, output)
      if (!OUTPUT.test(output)) throw badName(from, output)
      const folders = output.split('/').slice(0, -1)
      await checkFolders(from, folders)
      await checkFolders(to, folders, (folder) => whileWriting(folder, mkdir(folder)))
      await writeWholeFile(join(to, output), await readOwn(join(from, output)))
    }
  }
}

/** @throws InverseFormError `unreadable` for a name in a state that is no path below a folder */
export function checkRelative(folder: string, name: string): void {
  if (!isPathBelow(name)) throw badName(folder, name)
}

const badName = (folder: string, name: string) =>
  new InverseFormError('unreadable', `The state of ${folder} has the name ${JSON.stringify(name)}.`, {
    hint: 'It leads out of the folder. Somebody changed the state: run that shard again with --restart.',
    details: { folder, name },
  })

/** Checks that a path below a folder leads through folders alone, not through links. @param make makes a missing one */
async function checkFolders(
  root: string,
  names: readonly string[],
  make?: (folder: string) => Promise<unknown>,
): Promise<void> {
  for (let i = 1; i <= names.length; i++) {
    const folder = join(root, ...names.slice(0, i))
    const info = await lstat(folder).catch(() => undefined)
    if (info?.isDirectory()) continue
    if (info === undefined) {
      // Without it, reading a file says what is missing.
      await make?.(folder)
    } else {
      throw new InverseFormError(
        'unreadable',
        `${folder} is not a folder${info.isSymbolicLink() ? ', but a link' : ''}.`,
        {
          hint: 'Files are copied between the folders themselves. Replace a link by a folder.',
          details: { folder },
        },
      )
    }
  }
}

/** Reads a regular file that is no link. */
async function readOwn(path: string): Promise<Uint8Array> {
  try {
    const handle = await open(
      path,
      constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0),
    )
    try {
      if (!(await handle.stat()).isFile()) throw Object.assign(new Error('It is no file.'), { code: 'ENXIO' })
      return await handle.readFile()
    } finally {
      await handle.close()
    }
  } catch (cause) {
    const { code, message, hint, details } = fileError(path, cause)
    throw new InverseFormError(code, message, {
      hint:
        code === 'not-found'
          ? 'Run eval again with the same options and --resume: it writes the file again.'
          : hint,
      details,
      cause,
    })
  }
}
