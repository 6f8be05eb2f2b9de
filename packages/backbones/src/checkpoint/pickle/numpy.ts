import { decodeLatin1 } from '../decode.js'
import type { DType, OtherDType } from '../types.js'
import { numpyScalar } from './numpy-scalar.js'
import {
  type CallContext,
  describe,
  type GlobalMeaning,
  isSize,
  NumpyArray,
  NumpyDType,
  PickleObject,
  PickleTuple,
  type PickleValue,
} from './values.js'

type Call = NonNullable<GlobalMeaning['call']>

/** Element types by the codes of NumPy. */
const dtypesByCode: Readonly<Record<string, DType | OtherDType>> = {
  f8: 'float64',
  f4: 'float32',
  f2: 'float16',
  i8: 'int64',
  i4: 'int32',
  i2: 'int16',
  i1: 'int8',
  u8: 'uint64',
  u4: 'uint32',
  u2: 'uint16',
  u1: 'uint8',
  b1: 'bool',
  c8: 'complex64',
  c16: 'complex128',
}

/** Returns the element type of NumPy's code, such as `f4`; the code itself for other types. */
export function dtypeOfNumpy({ code }: NumpyDType): DType | OtherDType {
  return Object.hasOwn(dtypesByCode, code) ? dtypesByCode[code] : code
}

const dtype: Call = ([code], { fail }) => {
  if (typeof code !== 'string') throw fail(`called with ${describe(code)}`)
  return new NumpyDType(code.replace(/^[<>=|]/, ''), code.startsWith('>'))
}

/** `numpy._core.numeric._frombuffer(buffer, dtype, shape, order)`, which pickle protocol 5 uses. */
const fromBuffer: Call = ([bytes, type, shape, order], context) => {
  const array = new NumpyArray()
  setArray(array, shape, type, order === 'F', bytes, context)
  return array
}

/** Codes of dates, structures, complex and long numbers. */
const notPlain = /^([MmV]|[cg]\d|f1\d)/

/** A scalar that is not a number, such as a text or a date. Numbers become plain numbers. */
const scalar: Call = (args, context) => {
  const [type, value] = args
  const kind = type instanceof NumpyDType ? type.code[0] : ''
  if (kind === 'U' && value instanceof Uint8Array && type instanceof NumpyDType) {
    context.work(value.byteLength / 4, value.byteLength)
    return decodeUtf32(value, type.bigEndian)
  }
  if (kind === 'S' && value instanceof Uint8Array) {
    context.work(1, value.byteLength)
    return decodeLatin1(value).replace(/\0+$/, '')
  }
  if (type instanceof NumpyDType && notPlain.test(type.code)) return new PickleObject('numpy.scalar', args)
  return numpyScalar(args, context)
}

function decodeUtf32(bytes: Uint8Array, bigEndian: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const parts: string[] = []
  for (let at = 0; at + 4 <= bytes.byteLength; at += 4) {
    const code = view.getUint32(at, !bigEndian)
    parts.push(String.fromCodePoint(code <= 0x10ffff ? code : 0xfffd))
  }
  return parts.join('').replace(/\0+$/, '')
}

/** What NumPy's globals stand for, by their names in `numpy.core`, which NumPy 2 calls `numpy._core`. */
export const numpyGlobals: readonly (readonly [string, GlobalMeaning])[] = [
  ['numpy.dtype', { call: dtype }],
  ['numpy.core.multiarray.scalar', { call: scalar }],
  ['numpy.core.multiarray._reconstruct', { call: () => new NumpyArray() }],
  ['numpy.core.numeric._frombuffer', { call: fromBuffer }],
]

/** Applies a state `(version, shape, dtype, isFortran, data)` to an array; the first versions lack the version. */
export function buildArray(array: NumpyArray, state: PickleValue, context: CallContext): void {
  const items = state instanceof PickleTuple ? state.items : []
  if (items.length !== 4 && items.length !== 5) {
    throw context.fail('a NumPy array gets a state of an unknown form')
  }
  const [shape, type, fortran, bytes] = items.slice(-4)
  setArray(array, shape, type, fortran === true || fortran === 1, bytes, context)
}

function setArray(
  array: NumpyArray,
  shape: PickleValue | undefined,
  type: PickleValue | undefined,
  fortran: boolean,
  bytes: PickleValue | undefined,
  { fail, checkDimensions, work }: CallContext,
): void {
  if (!(shape instanceof PickleTuple)) throw fail(`a NumPy array gets the shape ${describe(shape)}`)
  checkDimensions(shape.items.length)
  work(1 + shape.items.length)
  if (!shape.items.every(isSize)) throw fail('a NumPy array gets a shape that is not one of sizes')
  if (!(type instanceof NumpyDType)) throw fail(`a NumPy array gets the type ${describe(type)}`)
  array.shape = shape.items as readonly number[]
  array.dtype = type
  array.fortran = fortran
  // Arrays of objects have a list.
  array.bytes = bytes instanceof Uint8Array || typeof bytes === 'string' ? bytes : undefined
}
