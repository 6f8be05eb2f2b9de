import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { fileError } from './regular-file.js'

/**
 * Returns the SHA-256 of a file in lower-case hexadecimal.
 * @throws InverseFormError `unreadable`; the signal's reason when it is aborted
 */
export async function sha256Of(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const part of createReadStream(path, { highWaterMark: 2 ** 20, signal })) hash.update(part)
  } catch (cause) {
    signal?.throwIfAborted()
    throw fileError(path, cause)
  }
  return hash.digest('hex')
}
