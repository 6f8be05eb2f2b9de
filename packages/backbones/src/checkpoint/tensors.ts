import { product } from '@inverseform/shared'
import { type ByteOrder, isDType, itemSize } from './dtype.js'
import type { CheckpointFile } from './file.js'
import { describe, NumpyArray, type TorchStorage, type TorchTensor } from './pickle/values.js'
import { type StorageBytes, unreadableTensor, viewTensor } from './tensor-view.js'
import type { CheckpointTensor } from './types.js'

/** Opens the tensors of a state dict as views of their storages. */
export function openStateDict(
  file: CheckpointFile,
  tensors: ReadonlyMap<string, TorchTensor>,
  order: ByteOrder,
  locate: (storage: TorchStorage) => StorageBytes | undefined,
): ReadonlyMap<string, CheckpointTensor> {
  return collectTensors(file, tensors.keys(), (name) => {
    const tensor = tensors.get(name)!
    const { dtype, storage, offset, shape, strides, unreadable } = tensor
    if (!isDType(dtype) || unreadable !== undefined || storage === undefined) {
      const what = `tensor ${describe(name)}`
      file.check('maxDimensions', shape.length, `${what}: dimensions`)
      const elements = product(shape)
      file.check('maxElements', elements, `${what}: elements`)
      const reason = unreadable ?? 'it has no values'
      return unreadableTensor(file, { name, dtype, shape, byteLength: elements * itemSize(dtype), reason })
    }
    const layout = { dtype, shape, strides, offset }
    if (storage instanceof NumpyArray) {
      const narrowed = dtype === 'bfloat16'
      return viewTensor(file, name, layout, narrowed ? upperHalves(storage) : arrayBytes(storage), 'little')
    }
    return viewTensor(file, name, layout, storageBytes(file, name, storage, locate), order)
  })
}

function storageBytes(
  file: CheckpointFile,
  name: string,
  storage: TorchStorage,
  locate: (storage: TorchStorage) => StorageBytes | undefined,
): StorageBytes {
  const { dtype, key, length, viewOffset, viewLength } = storage
  const bytes = locate(storage)
  const what = `storage ${describe(key)} of tensor ${describe(name)}`
  if (!bytes) throw file.invalid(`${what} is missing from the file`)
  const size = itemSize(dtype)
  if (bytes.byteLength < length * size) {
    throw file.invalid(
      `${what} should have ${length * size} bytes (${length} ${dtype}), the file has ${bytes.byteLength}`,
    )
  }
  const from = viewOffset * size
  return {
    byteLength: viewLength * size,
    read: (start, end) => bytes.read(from + start, from + end),
  }
}

/** The bytes of an array that the pickle itself holds; text has one byte per character. */
function arrayBytes({ bytes = '' }: NumpyArray): StorageBytes {
  return {
    byteLength: bytes.length,
    async read(start, end) {
      if (typeof bytes !== 'string') return bytes.subarray(start, end)
      return Uint8Array.from({ length: end - start }, (_, i) => bytes.charCodeAt(start + i))
    },
  }
}

/** The bfloat16 values of a float32 array that was made of them: the upper half of each. */
function upperHalves(array: NumpyArray): StorageBytes {
  const all = arrayBytes(array)
  return {
    byteLength: all.byteLength / 2,
    async read(start, end) {
      const bytes = await all.read(2 * start, 2 * end)
      return Uint8Array.from({ length: end - start }, (_, i) => bytes[2 * i - (i % 2) + 2])
    },
  }
}

/** Opens tensors one by one, within the limits on their number and total size. */
export function collectTensors(
  file: CheckpointFile,
  names: Iterable<string>,
  open: (name: string) => CheckpointTensor,
): ReadonlyMap<string, CheckpointTensor> {
  const tensors = new Map<string, CheckpointTensor>()
  let total = 0
  for (const name of names) {
    const tensor = open(name)
    tensors.set(name, tensor)
    // Values that cannot be read take no memory.
    if (tensor.unreadable === undefined) total += tensor.byteLength
    file.check('maxTensors', tensors.size, 'tensors')
    file.check('maxExpansion', total, 'bytes of all tensors', file.limits.maxExpansion * file.size)
  }
  return tensors
}
