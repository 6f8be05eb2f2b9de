import { readUint64 } from '../decode.js'
import { itemSize } from '../dtype.js'
import type { CheckpointFile } from '../file.js'
import { ByteCursor } from '../pickle/cursor.js'
import { unpickle } from '../pickle/unpickle.js'
import { describe, type PickleValue, TorchStorage, type TorchTensor } from '../pickle/values.js'
import type { StorageBytes } from '../tensor-view.js'
import { openStateDict } from '../tensors.js'
import type { CheckpointContents } from '../types.js'
import { findStateDict } from './state-dict.js'
import { torchScope } from './storages.js'

const MAGIC = 0x1950a86a20f9469cfc6cn
const PROTOCOL = 1001

/** Bytes of the element count that precedes each storage. */
const LENGTH_SIZE = 8

/**
 * Opens the stream that torch.save wrote before PyTorch 1.6. It has five pickles: a magic number, a version, facts about
 * the machine, the object and the keys of its storages. The storages follow in the order of the keys, always
 * little-endian.
 */
export async function openPthLegacy(file: CheckpointFile, key?: string): Promise<CheckpointContents> {
  const cursor = new ByteCursor(file, file.source, 'the pickle')
  const scope = torchScope(file)
  if ((await unpickle(cursor, scope)) !== MAGIC) {
    throw file.invalid(
      'a pickle, but not one that torch.save wrote',
      'If you trust its source, load it in Python and save the tensors with torch.save or as safetensors.',
    )
  }
  const version = await unpickle(cursor, scope)
  if (version !== PROTOCOL) {
    throw file.invalid(
      `version ${describe(version)} of the torch.save stream, but only ${PROTOCOL} is supported`,
    )
  }
  await unpickle(cursor, scope)

  const storages = new Map<string, TorchStorage>()
  const persistent = (id: PickleValue) => {
    const storage = scope.persistent(id)
    if (!(storage instanceof TorchStorage)) return storage
    const { key, dtype, length } = storage
    const first = storages.get(key) ?? storage
    if (first.dtype !== dtype || first.length !== length) {
      throw file.invalid(
        `storage ${describe(key)} has ${first.length} ${first.dtype} elements in one place and ${length} ${dtype} elements in another`,
      )
    }
    storages.set(key, first)
    return storage
  }
  const value = await unpickle(cursor, { ...scope, persistent })
  const { tensors, metadata } = findStateDict(file, value, key)
  const listed = await unpickle(cursor, scope)
  const located = locateStorages(file, storages, listed, cursor.position, tensors)
  return {
    format: 'pth-legacy',
    tensors: openStateDict(file, tensors, 'little', ({ key }) => located.get(key)),
    metadata: metadata(),
  }
}

/** Locates each storage from the lengths in the pickle, without reading it. */
function locateStorages(
  file: CheckpointFile,
  storages: ReadonlyMap<string, TorchStorage>,
  keys: PickleValue,
  start: number,
  tensors: ReadonlyMap<string, TorchTensor>,
): ReadonlyMap<string, StorageBytes> {
  if (!Array.isArray(keys)) throw file.invalid(`the list of storage keys is ${describe(keys)}`)
  const located = new Map<string, StorageBytes>()
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined
    if (!storage) throw file.invalid(`the list of storage keys has ${describe(key)}, which nothing refers to`)
    if (located.has(storage.key)) throw file.invalid(`storage ${describe(key)} is listed twice`)
    const bytes = storageAt(file, storage, start)
    start += LENGTH_SIZE + bytes.byteLength
    if (start > file.size) {
      const [name] =
        [...tensors].find(
          ([, tensor]) => tensor.storage instanceof TorchStorage && tensor.storage.key === key,
        ) ?? []
      throw file.invalid(
        `storage ${describe(key)}${name === undefined ? '' : ` of tensor ${describe(name)}`} ends at byte ${start}, ` +
          `the file has only ${file.size}`,
        'The file is cut short or damaged: download or copy it again.',
      )
    }
    located.set(storage.key, bytes)
  }
  return located
}

/** Returns the storage at a byte. Its stored length is checked when its first elements are read. */
function storageAt(file: CheckpointFile, { key, dtype, length }: TorchStorage, start: number): StorageBytes {
  const what = `storage ${describe(key)}`
  const data = start + LENGTH_SIZE
  return {
    byteLength: length * itemSize(dtype),
    async read(from, to) {
      if (from > 0) return file.read(data + from, data + to, what)
      const bytes = await file.read(start, data + to, what)
      const stored = readUint64(bytes)
      if (stored !== length) {
        throw file.invalid(`${what} should have ${length} elements, at byte ${start} the file says ${stored}`)
      }
      return bytes.subarray(LENGTH_SIZE)
    },
  }
}
