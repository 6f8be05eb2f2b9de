import type { FileHandle } from 'node:fs/promises'
import { InverseFormError } from '@inverseform/errors'
import { openRegularFile } from '@inverseform/shared/node'
import { type ByteSource, checkRange } from './source.js'

/** A source over an open file. Call `close()` when done, or declare it with `await using`. */
export interface FileSource extends ByteSource, AsyncDisposable {
  readonly name: string
  close(): Promise<void>
}

/** Most bytes that one system call reads. */
const MAX_READ = 2 ** 30

/**
 * Opens a file as a byte source.
 *
 * @throws InverseFormError `not-found`, or `unreadable` for a folder, a named pipe, a device or a file without read
 * permission
 */
export async function fileSource(path: string): Promise<FileSource> {
  const { handle, size } = await openRegularFile(path)
  return source(path, handle, size)
}

function source(path: string, handle: FileHandle, size: number): FileSource {
  let closing: Promise<void> | undefined
  const close = () => (closing ??= handle.close())
  const file: FileSource = {
    name: path,
    size,
    close,
    [Symbol.asyncDispose]: close,
    async read(start, end) {
      if (closing) {
        throw new InverseFormError('disposed', `${path}: read after close().`, {
          hint: 'Read all tensors before you close their file.',
        })
      }
      checkRange(file, start, end)
      // A pooled Buffer could start at any offset. Memory of its own is aligned for every element type.
      const bytes = new Uint8Array(Buffer.allocUnsafeSlow(end - start).buffer)
      for (let done = 0; done < bytes.byteLength; ) {
        const length = Math.min(MAX_READ, bytes.byteLength - done)
        const { bytesRead } = await handle.read(bytes, done, length, start + done).catch((cause: Error) => {
          throw new InverseFormError(
            'unreadable',
            `${path}: reading at byte ${start + done} failed: ${cause.message}.`,
            { cause, hint: 'Check the disk or the network share that holds the file.' },
          )
        })
        if (bytesRead === 0) {
          throw new InverseFormError(
            'unreadable',
            `${path}: ended at byte ${start + done}, but had ${size} bytes when opened.`,
            { hint: 'The file was truncated while it was read: open it again.' },
          )
        }
        done += bytesRead
      }
      return bytes
    },
  }
  return file
}
