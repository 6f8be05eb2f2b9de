import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import type { ByteSink } from '../byte-sink.js'
import { makeFolder } from './folders.js'
import { systemReason } from './system-reason.js'
import { sweepTemporary, temporaryFileName } from './temporary-names.js'

/**
 * Writes a file completely or not at all. The bytes go to a temporary file in the same folder, which replaces `path`
 * when `write` is done and is removed when `write` fails. Also removes what killed processes left in the folder.
 *
 * @throws InverseFormError `write-failed`; errors of `write` itself pass through
 *
 * @example
 * await writeFileAtomically('model.safetensors', (sink) => writeSafetensors(tensors, sink))
 */
export async function writeFileAtomically(
  path: string,
  write: (sink: ByteSink) => Promise<void>,
): Promise<void> {
  await sweepTemporary(dirname(path))
  // The temporary name does not contain `path`, which may already be as long as a name can be.
  const temporary = join(dirname(path), temporaryFileName())
  const handle = await whileWriting(path, open(temporary, 'wx'))
  try {
    try {
      const sink = new FileSink((bytes) => whileWriting(path, writeAll(handle, bytes)))
      await write(sink)
      await sink.flush()
    } finally {
      await whileWriting(path, handle.close())
    }
    await whileWriting(path, rename(temporary, path))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** Gathers small writes: waiting for thousands of them takes longer than writing. */
class FileSink implements ByteSink {
  readonly #write: (bytes: Uint8Array) => Promise<void>
  readonly #gathered = new Uint8Array(2 ** 16)
  #bytes = 0

  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    this.#write = write
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#bytes + bytes.byteLength > this.#gathered.byteLength) await this.flush()
    if (bytes.byteLength > this.#gathered.byteLength) return this.#write(bytes)
    this.#gathered.set(bytes, this.#bytes)
    this.#bytes += bytes.byteLength
  }

  async flush(): Promise<void> {
    await this.#write(this.#gathered.subarray(0, this.#bytes))
    this.#bytes = 0
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    // Node refuses to write 2 GiB at once.
    const length = Math.min(bytes.byteLength - done, 2 ** 30)
    done += (await handle.write(bytes, done, length)).bytesWritten
  }
}

/** Writes a whole file atomically, and creates its folder if needed. */
export async function writeWholeFile(path: string, contents: string | Uint8Array): Promise<void> {
  const bytes = typeof contents === 'string' ? Buffer.from(contents) : contents
  await makeFolder(dirname(path))
  await writeFileAtomically(path, (sink) => sink.write(bytes))
}

const hints: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free some space, or write elsewhere.',
  EDQUOT: 'Your disk quota is used up: free some space, or write elsewhere.',
  EROFS: 'That file system is read-only: write elsewhere.',
  EACCES: 'Check that you may write to that folder.',
  EPERM: 'Check that you may write to that folder.',
  ENOENT: 'Create the folder first: only the file itself is created.',
  ENOTDIR: 'A parent of this path is a file, not a folder: check the path.',
  EISDIR: 'The path names a folder: add a file name.',
}

/** Waits for an operation on the file at a path, and says what to do when it fails. @throws `write-failed` */
export async function whileWriting<T>(path: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new InverseFormError('write-failed', `${path} could not be written: ${systemReason(cause)}.`, {
      cause,
      hint: hints[code ?? ''] ?? 'Check the path and the disk.',
      details: { path },
    })
  }
}
