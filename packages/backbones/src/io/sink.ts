import { InverseFormError } from '@inverseform/errors'

/** Where bytes go, in order. `bytes` may be reused by the caller once the promise has settled. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void>
}

export interface MemorySink extends ByteSink {
  /** The bytes written. Throws `size-mismatch` unless they are as many as were announced. */
  finish(): Uint8Array<ArrayBuffer>
}

/** A sink into one allocation of exactly `byteLength` bytes. */
export function memorySink(byteLength: number): MemorySink {
  const target = new Uint8Array(byteLength)
  let used = 0
  const mismatch = (found: string) =>
    new InverseFormError('size-mismatch', `memorySink: room for ${byteLength} bytes, ${found}.`, {
      hint: 'Give memorySink the exact number of bytes that will be written.',
    })
  return {
    async write(bytes) {
      if (used + bytes.byteLength > byteLength) throw mismatch(`${used + bytes.byteLength} written`)
      target.set(bytes, used)
      used += bytes.byteLength
    },
    finish() {
      if (used !== byteLength) throw mismatch(`only ${used} written`)
      return target
    },
  }
}
