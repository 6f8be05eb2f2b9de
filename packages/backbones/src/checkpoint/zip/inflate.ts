import { InverseFormError } from '@inverseform/errors'
import type { CheckpointFile } from '../file.js'

/** Inflates raw deflate data (RFC 1951) to exactly `size` bytes. Stops as soon as there are more. */
export async function inflate(
  file: CheckpointFile,
  packed: Uint8Array,
  size: number,
  what: string,
): Promise<Uint8Array> {
  const target = new Uint8Array(size)
  let used = 0
  try {
    const stream = new Blob([packed as Uint8Array<ArrayBuffer>])
      .stream()
      .pipeThrough(new DecompressionStream('deflate-raw'))
    const reader = stream.getReader()
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (used + part.value.byteLength > size) {
        await reader.cancel()
        throw file.invalid(`${what} inflates to more than its ${size} bytes`)
      }
      target.set(part.value, used)
      used += part.value.byteLength
    }
  } catch (error) {
    if (InverseFormError.is(error)) throw error
    throw file.invalid(`${what} is damaged: ${(error as Error).message}`)
  }
  if (used < size) throw file.invalid(`${what} inflates to ${used} bytes instead of ${size}`)
  return target
}
