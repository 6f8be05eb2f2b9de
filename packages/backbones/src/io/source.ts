import { checkArgument, InverseFormError, typeName } from '@inverseform/errors'

/** Bytes that can be read in pieces: a file, a Blob, a URL or memory. */
export interface ByteSource {
  /** Length in bytes. */
  readonly size: number
  /** The name in error messages, such as a path or URL. */
  readonly name?: string
  /**
   * Reads all bytes of `[start, end)`, where `0 <= start <= end <= size`. They may be a view of shared memory: do not
   * write to them.
   */
  read(start: number, end: number): Promise<Uint8Array>
}

/** @throws InverseFormError `invalid-argument` unless a value is a byte source */
export function checkSource(source: unknown): asserts source is ByteSource {
  const { size, read } = Object(source) as Partial<ByteSource>
  const valid = Number.isSafeInteger(size) && (size as number) >= 0 && typeof read === 'function'
  checkArgument('source', source, valid, 'a ByteSource { size, read }', {
    hint: 'Make one with fileSource, bytesSource, blobSource or urlSource.',
  })
}

/** @throws InverseFormError `invalid-argument` unless start and end are integers with `0 <= start <= end <= size` */
export function checkRange(source: { size: number; name?: string }, start: number, end: number): void {
  if (
    Number.isSafeInteger(start) &&
    Number.isSafeInteger(end) &&
    0 <= start &&
    start <= end &&
    end <= source.size
  ) {
    return
  }
  throw new InverseFormError(
    'invalid-argument',
    `${source.name ?? 'bytes'}: cannot read bytes [${start}, ${end}) of ${source.size}.`,
    { hint: 'Pass integers with 0 <= start <= end <= size.' },
  )
}

/** Returns a source over memory. It reads views of `bytes`, not copies. */
export function bytesSource(bytes: Uint8Array | ArrayBuffer, name?: string): ByteSource {
  checkArgument(
    'bytes',
    bytes,
    ['Uint8Array', 'ArrayBuffer', 'SharedArrayBuffer'].includes(typeName(bytes)),
    'a Uint8Array or an ArrayBuffer',
  )
  const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(bytes) ? bytes : new Uint8Array(bytes)
  const source: ByteSource = {
    size: byteLength,
    name,
    // Always a plain Uint8Array, because a Buffer's methods differ.
    read: async (start, end) => {
      checkRange(source, start, end)
      return new Uint8Array(buffer, byteOffset + start, end - start)
    },
  }
  return source
}
