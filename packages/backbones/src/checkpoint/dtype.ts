import type { DType, DTypeArrays, OtherDType } from './types.js'

const arrays = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const satisfies { [D in DType]: { new (buffer: ArrayBufferLike): DTypeArrays[D] } }

export const dtypes = Object.keys(arrays) as readonly DType[]

/** Bytes per element of types that are listed but not read. */
const otherSizes: Readonly<Record<string, number>> = {
  uint16: 2,
  uint32: 4,
  uint64: 8,
  complex32: 4,
  complex64: 8,
  complex128: 16,
  qint32: 4,
}

export function isDType(dtype: string): dtype is DType {
  return Object.hasOwn(arrays, dtype)
}

/** Returns the bytes per element. */
export function itemSize(dtype: DType | OtherDType): number {
  if (isDType(dtype)) return arrays[dtype].BYTES_PER_ELEMENT
  return Object.hasOwn(otherSizes, dtype) ? otherSizes[dtype] : 1
}

export function newArray(dtype: DType, length: number): DTypeArrays[DType] {
  return new arrays[dtype](length)
}

export type ByteOrder = 'little' | 'big'
export const hostByteOrder: ByteOrder =
  new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 'little' : 'big'

/** Returns bytes as elements: a view if alignment and byte order allow it, else a copy. */
export function asArray(dtype: DType, bytes: Uint8Array, order: ByteOrder): DTypeArrays[DType] {
  const size = itemSize(dtype)
  const swap = order !== hostByteOrder && size > 1
  const own = swap || bytes.byteOffset % size ? bytes.slice() : bytes
  if (swap) swapBytes(own, size)
  return new arrays[dtype](own.buffer as ArrayBuffer, own.byteOffset, own.byteLength / size)
}

/** Returns elements as little-endian bytes: a view, or a copy on a big-endian machine. */
export function asLittleEndian(data: DTypeArrays[DType]): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  if (hostByteOrder === 'little' || data.BYTES_PER_ELEMENT === 1) return bytes
  const swapped = bytes.slice()
  swapBytes(swapped, data.BYTES_PER_ELEMENT)
  return swapped
}

function swapBytes(bytes: Uint8Array, size: number): void {
  for (let start = 0; start < bytes.length; start += size) bytes.subarray(start, start + size).reverse()
}
