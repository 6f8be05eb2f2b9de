import type { CheckpointFile } from '../file.js'
import { lookUpGlobal } from '../pickle/globals.js'
import type { PickleScope } from '../pickle/machine.js'
import {
  describe,
  isSize,
  PickleGlobal,
  PickleTuple,
  type PickleValue,
  TorchStorage,
} from '../pickle/values.js'

/**
 * Returns the scope of a checkpoint's main pickle: the allowed globals, and storages by persistent ids
 * `('storage', class, key, location, length)`. In the legacy stream a view `(key, offset, length)` or None follows.
 */
export function torchScope(file: CheckpointFile): PickleScope {
  return {
    global: (module, name) => lookUpGlobal(file, module, name),
    persistent: (id) => moduleOf(id) ?? storageOf(file, id),
  }
}

/** Old streams name the class of a module with its source code: `('module', class, path, source)`. */
function moduleOf(id: PickleValue): PickleGlobal | undefined {
  const [kind, type] = id instanceof PickleTuple ? id.items : []
  return kind === 'module' && type instanceof PickleGlobal ? type : undefined
}

/** No program that saves tensors uses longer keys, and each of many tensors would carry its own. */
const LONGEST_KEY = 1000

function storageOf(file: CheckpointFile, id: PickleValue): TorchStorage {
  const [kind, type, key, , length, view = null] = id instanceof PickleTuple ? id.items : []
  if (kind !== 'storage') throw file.invalid(`a persistent id of kind ${describe(kind)}, not a storage`)
  const dtype = type instanceof PickleGlobal ? type.meaning.dtype : undefined
  if (!dtype) throw file.invalid(`a storage of type ${describe(type)}`)
  if (typeof key !== 'string') throw file.invalid(`a storage whose key is ${describe(key)}`)
  if (key.length > LONGEST_KEY) throw file.invalid(`a storage whose key has ${key.length} characters`)
  if (!isSize(length)) throw file.invalid(`storage ${describe(key)} with ${describe(length)} elements`)
  file.check('maxElements', length, `elements of storage ${describe(key)}`)
  if (view === null) return new TorchStorage(key, dtype, length, 0, length)
  const [, viewOffset, viewLength] = view instanceof PickleTuple ? view.items : []
  if (!isSize(viewOffset) || !isSize(viewLength) || viewOffset + viewLength > length) {
    throw file.invalid(`storage ${describe(key)} of ${length} elements with a view beyond them`)
  }
  return new TorchStorage(key, dtype, length, viewOffset, viewLength)
}
