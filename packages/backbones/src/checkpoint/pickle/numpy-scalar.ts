import { halfToFloat } from '../float32.js'
import { describe, type GlobalMeaning, NumpyDType, type PickleValue } from './values.js'

type Read = (view: DataView, littleEndian: boolean) => number | bigint | boolean

/** Readers by kind and bytes, as in NumPy's `dtype.str` without the byte order. */
const readers: Readonly<Record<string, Read>> = {
  f8: (view, little) => view.getFloat64(0, little),
  f4: (view, little) => view.getFloat32(0, little),
  f2: (view, little) => halfToFloat(view.getUint16(0, little)),
  i8: (view, little) => exact(view.getBigInt64(0, little)),
  i4: (view, little) => view.getInt32(0, little),
  i2: (view, little) => view.getInt16(0, little),
  i1: (view) => view.getInt8(0),
  u8: (view, little) => exact(view.getBigUint64(0, little)),
  u4: (view, little) => view.getUint32(0, little),
  u2: (view, little) => view.getUint16(0, little),
  u1: (view) => view.getUint8(0),
  b1: (view) => view.getUint8(0) !== 0,
}

const exact = (value: bigint) => (Number.isSafeInteger(Number(value)) ? Number(value) : value)

/** Implements `numpy.core.multiarray.scalar(dtype, bytes)`; returns a plain number or boolean. */
export const numpyScalar: NonNullable<GlobalMeaning['call']> = ([dtype, value], { fail }): PickleValue => {
  if (!(dtype instanceof NumpyDType)) throw fail(`its type is ${describe(dtype)}`)
  const read = Object.hasOwn(readers, dtype.code) ? readers[dtype.code] : undefined
  if (!read) throw fail(`a scalar of NumPy type ${JSON.stringify(dtype.code)}, which is not a plain number,`)
  // Python 2 writes bytes as text.
  const bytes = typeof value === 'string' ? Uint8Array.from(value, (c) => c.charCodeAt(0)) : value
  if (!(bytes instanceof Uint8Array) || bytes.byteLength !== Number(dtype.code.slice(1))) {
    throw fail(`a ${dtype.code} scalar made of ${describe(value)}`)
  }
  return read(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), !dtype.bigEndian)
}
