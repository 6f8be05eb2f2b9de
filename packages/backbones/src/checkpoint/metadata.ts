import { decodeLatin1, decodeUtf8 } from './decode.js'
import type { CheckpointFile } from './file.js'
import {
  NumpyDType,
  type PickleDict,
  PickleGlobal,
  PickleTuple,
  type PickleValue,
  TorchStorage,
  TorchTensor,
} from './pickle/values.js'
import type { MetadataValue } from './types.js'

type MetadataObject = Record<string, MetadataValue>

/** Converts the entries of a dict to values that JSON can hold. */
export function toMetadata(file: CheckpointFile, entries: PickleDict): MetadataObject {
  let size = 0
  /** Counts shared values each time they appear, as JSON would write them. */
  const count = (characters: number) => {
    size += characters + 16
    file.check('maxMetadataSize', size, 'characters of metadata')
  }

  const convert = (value: PickleValue, depth: number): MetadataValue => {
    file.check('maxDepth', depth, 'nested containers in the metadata')
    if (Array.isArray(value)) return array(value, depth)
    if (value instanceof PickleTuple) return array(value.items, depth)
    if (value instanceof Map) return object(value, depth)
    if (value instanceof TorchTensor) {
      return object(
        new Map<string, PickleValue>([
          ['dtype', value.storage.dtype],
          ['shape', [...value.shape]],
        ]),
        depth,
      )
    }
    if (value instanceof TorchStorage) {
      return object(
        new Map<string, PickleValue>([
          ['dtype', value.dtype],
          ['shape', [value.viewLength]],
        ]),
        depth,
      )
    }
    const scalar = toScalar(value)
    count(typeof scalar === 'string' ? scalar.length : 0)
    return scalar
  }

  const array = (items: readonly PickleValue[], depth: number) => {
    count(0)
    return items.map((item) => convert(item, depth + 1))
  }

  // Without a prototype, __proto__ is an ordinary key.
  const object = (dict: PickleDict, depth: number) => {
    count(0)
    const result: MetadataObject = Object.create(null)
    for (const [key, value] of dict) {
      const name = toKey(convert(key, depth + 1))
      result[name] = convert(value, depth + 1)
    }
    return result
  }

  return object(entries, 0)
}

/** Formats a key as JSON does; optimizer states have numbers as keys. */
function toKey(key: MetadataValue): string {
  return typeof key === 'string' ? key : JSON.stringify(key)
}

function toScalar(
  value: Exclude<PickleValue, PickleValue[] | PickleDict | PickleTuple>,
): string | number | boolean | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return decodeUtf8(value) ?? decodeLatin1(value)
  if (value instanceof PickleGlobal) return value.name
  if (value instanceof NumpyDType) return value.code
  return value as string | boolean | null
}
