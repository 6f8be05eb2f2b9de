import { addAbortSignal } from 'node:stream'
import { InverseFormError } from '@inverseform/errors'

/** The most bytes that an image from standard input may have. */
const MAX_BYTES = 2 ** 28

/**
 * Reads standard input to its end.
 * @throws InverseFormError `limit-exceeded`; `unreadable` without data
 */
export async function readStdin(signal: AbortSignal): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of addAbortSignal(signal, process.stdin)) {
    bytes += part.byteLength
    if (bytes > MAX_BYTES) {
      throw new InverseFormError('limit-exceeded', `Standard input has more than ${MAX_BYTES} bytes.`, {
        hint: 'Pass the path of the image instead.',
      })
    }
    parts.push(part)
  }
  if (bytes > 0) return Buffer.concat(parts)
  throw new InverseFormError('unreadable', 'Standard input has no data.', {
    hint: 'Redirect an image to it: inverseform predict - < image.png',
  })
}
