import { product } from '@inverseform/shared'
import { asArray, type ByteOrder, itemSize, newArray } from './dtype.js'
import type { CheckpointFile } from './file.js'
import { describe } from './pickle/values.js'
import { contiguousStrides } from './strides.js'
import type { CheckpointTensor, DType, DTypeArrays, OtherDType } from './types.js'

export { contiguousStrides }

/** The bytes of a storage, independent of their place in the file. */
export interface StorageBytes {
  readonly byteLength: number
  read(start: number, end: number): Promise<Uint8Array>
}

export interface TensorLayout {
  readonly dtype: DType
  readonly shape: readonly number[]
  /** Strides and offset count elements. */
  readonly strides: readonly number[]
  readonly offset: number
}

/** Returns a tensor as a view of a storage. Throws if it does not lie within it. */
export function viewTensor(
  file: CheckpointFile,
  name: string,
  layout: TensorLayout,
  storage: StorageBytes,
  order: ByteOrder,
): CheckpointTensor {
  const { dtype, shape, strides, offset } = layout
  const what = `tensor ${describe(name)}`
  file.check('maxDimensions', shape.length, `${what}: dimensions`)
  const length = product(shape)
  file.check('maxElements', length, `${what}: elements`)
  const size = itemSize(dtype)
  const extent = length && 1 + shape.reduce((last, size, axis) => last + (size - 1) * strides[axis], 0)
  const start = offset * size
  const end = start + extent * size
  if (length > 0 && end > storage.byteLength) {
    throw file.invalid(
      `${what} (${dtype}, shape [${shape}]) ends at byte ${end} of its storage, which has ${storage.byteLength}`,
    )
  }
  return {
    name,
    dtype,
    shape,
    byteLength: length * size,
    async read() {
      const source = asArray(dtype, length ? await storage.read(start, end) : new Uint8Array(0), order)
      return { dtype, shape, data: isContiguous(shape, strides) ? source : gather(source, layout, length) }
    },
  }
}

export interface UnreadableTensor {
  readonly name: string
  readonly dtype: DType | OtherDType
  readonly shape: readonly number[]
  readonly byteLength: number
  /** Why its values cannot be read: a clause, such as "it is sparse". */
  readonly reason: string
}

/** Returns a tensor that is listed, but whose values cannot be read. */
export function unreadableTensor(file: CheckpointFile, tensor: UnreadableTensor): CheckpointTensor {
  const { name, dtype, shape, byteLength, reason } = tensor
  return {
    name,
    dtype,
    shape,
    byteLength,
    unreadable: reason,
    async read() {
      throw file.invalid(
        `tensor ${describe(name)} cannot be read: ${reason}`,
        'Convert the tensor in Python, for example with dequantize(), to_dense() or float(), and save it again.',
      )
    },
  }
}

/** Whether the elements lie in C order without gaps. An axis of one element may have any stride. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.includes(0)) return true
  const packed = contiguousStrides(shape)
  return shape.every((size, axis) => size === 1 || strides[axis] === packed[axis])
}

/** Copies the elements of a strided view in C order. `source` starts at the view's first element. */
function gather(
  source: DTypeArrays[DType],
  { dtype, shape, strides }: TensorLayout,
  length: number,
): DTypeArrays[DType] {
  const target = newArray(dtype, length)
  const index = shape.map(() => 0)
  const inner = shape.length - 1
  const innerSize = shape[inner]
  const innerStride = strides[inner]
  for (let to = 0, from = 0; to < length; ) {
    for (let i = 0; i < innerSize; i++) target[to++] = source[from + i * innerStride]
    // Advances the outer indices like an odometer.
    for (let axis = inner - 1; axis >= 0; axis--) {
      from += strides[axis]
      if (++index[axis] < shape[axis]) break
      from -= strides[axis] * shape[axis]
      index[axis] = 0
    }
  }
  return target
}
