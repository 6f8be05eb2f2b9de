import type { ByteOrder } from './dtype.js'
import { itemSize } from './dtype.js'
import type { CheckpointFile } from './file.js'
import { describe, type TorchStorage, type TorchTensor } from './pickle/values.js'
import { type StorageBytes, viewTensor } from './tensor-view.js'
import type { CheckpointTensor } from './types.js'

/** Opens the tensors of a state dict as views of their storages. */
export function openStateDict(
  file: CheckpointFile,
  tensors: ReadonlyMap<string, TorchTensor>,
  order: ByteOrder,
  locate: (storage: TorchStorage) => StorageBytes | undefined,
): ReadonlyMap<string, CheckpointTensor> {
  return collectTensors(file, tensors.keys(), (name) => {
    const { storage, offset, shape, strides } = tensors.get(name)!
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
    const view: StorageBytes = {
      byteLength: viewLength * size,
      read: (start, end) => bytes.read(from + start, from + end),
    }
    return viewTensor(file, name, { dtype, shape, strides, offset }, view, order)
  })
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
    total += tensor.byteLength
    file.check('maxTensors', tensors.size, 'tensors')
    file.check('maxExpansion', total, 'bytes of all tensors', file.limits.maxExpansion * file.size)
  }
  return tensors
}
