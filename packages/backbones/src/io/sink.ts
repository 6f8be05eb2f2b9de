import { InverseFormError } from '@inverseform/errors'
import type { ByteSink } from '@inverseform/shared'

export type { ByteSink }

export interface MemorySink extends ByteSink {
  /** Returns the written bytes. Throws `size-mismatch` unless exactly `byteLength` bytes were written. */
  finish(): Uint8Array<ArrayBuffer>
}

/** Returns a sink into one allocation of exactly `byteLength` bytes. */
export function memorySink(byteLength: number): MemorySink {
  const target = new Uint8Array(byteLength)
  let used = 0
  const mismatch = (found: string) =>
    new InverseFormError('size-mismatch', `memorySink has room for ${byteLength} bytes, but ${found}.`, {
      hint: 'Pass memorySink the exact number of bytes that will be written.',
    })
  return {
    async write(bytes) {
      if (used + bytes.byteLength > byteLength) throw mismatch(`${used + bytes.byteLength} were written`)
      target.set(bytes, used)
      used += bytes.byteLength
    },
    finish() {
      if (used !== byteLength) throw mismatch(`only ${used} were written`)
      return target
    },
  }
}
