import { InverseFormError } from '@inverseform/errors'

/** Bytes that can be read in pieces: a file, a Blob, a URL that answers range requests, memory. */
export interface ByteSource {
  /** Length in bytes. */
  readonly size: number
  /** What messages call it: a path, a URL. */
  readonly name?: string
  /**
   * The bytes of `[start, end)`, `0 <= start <= end <= size`, all of them.
   * They may be a view of shared memory: do not write to them.
   */
  read(start: number, end: number): Promise<Uint8Array>
}

/**
 * @throws InverseFormError `invalid-argument` unless `0 <= start <= end <= size`, all whole numbers.
 */
export function checkRange(source: { size: number; name?: string }, start: number, end: number): void {
  if (
    Number.isSafeInteger(start) &&
    Number.isSafeInteger(end) &&
    0 <= start &&
    start <= end &&
    end <= source.size
  )
    return
  throw new InverseFormError(
    'invalid-argument',
    `${source.name ?? 'bytes'}: cannot read bytes [${start}, ${end}) of ${source.size}.`,
    { hint: 'Ask for whole numbers with 0 <= start <= end <= size.' },
  )
}

/** A source over memory. What it reads are views of `bytes`, not copies. */
export function bytesSource(bytes: Uint8Array | ArrayBuffer, name?: string): ByteSource {
  const { buffer, byteOffset, byteLength } = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)
  const source: ByteSource = {
    size: byteLength,
    name,
    // A plain Uint8Array even when a Buffer came in, whose methods differ.
    read: async (start, end) => {
      checkRange(source, start, end)
      return new Uint8Array(buffer, byteOffset + start, end - start)
    },
  }
  return source
}
