import { decodeLatin1, decodeUtf8 } from './decode.js'
import type { CheckpointFile } from './file.js'
import { type MetadataValue, PythonRecord } from './metadata-value.js'
import { dtypeOfNumpy } from './pickle/numpy.js'
import {
  NumpyArray,
  NumpyDType,
  type PickleDict,
  PickleGlobal,
  PickleObject,
  PickleTuple,
  type PickleValue,
  TorchStorage,
  TorchTensor,
} from './pickle/values.js'

type MetadataObject = Record<string, MetadataValue>

/** What the tensors of a checkpoint were taken from. Its tensors are no metadata. */
export interface Taken {
  readonly container: PickleValue
  readonly tensors: ReadonlyMap<string, TorchTensor>
}

/** Longest bytes to show as text. */
const LONGEST_BYTES = 2 ** 16

/** Converts what a file holds to values that JSON can hold. */
export function toMetadata(file: CheckpointFile, value: PickleValue, taken?: Taken): MetadataObject {
  const rest = taken?.container instanceof Map ? withoutTensors(taken.container, taken.tensors) : undefined
  const isTaken = value === taken?.container
  const root = isTaken ? (rest ?? new Map()) : value
  const entries: PickleDict =
    root instanceof Map ? root : new Map(itemsOf(root).map((item, i) => [String(i), item]))
  return new Converter(file, taken?.container, rest).object(entries, 0)
}

/** Returns the entries of a dict that are no tensors of the checkpoint. */
function withoutTensors(dict: PickleDict, tensors: Taken['tensors']): PickleDict {
  // Arrays become tensors only in files without others.
  const all = new Set<PickleValue | undefined>()
  for (const tensor of tensors.values()) {
    all.add(tensor)
    if (tensor.storage instanceof NumpyArray) all.add(tensor.storage)
  }
  return new Map([...dict].filter(([, item]) => !all.has(item)))
}

function itemsOf(value: PickleValue): readonly PickleValue[] {
  if (Array.isArray(value)) return value
  return value instanceof PickleTuple ? value.items : [value]
}

class Converter {
  readonly #file: CheckpointFile
  readonly #taken: PickleValue | undefined
  /** What is left of a dict whose tensors were taken. */
  readonly #rest: PickleDict | undefined
  #size = 0

  constructor(file: CheckpointFile, taken?: PickleValue, rest?: PickleDict) {
    this.#file = file
    this.#taken = taken
    this.#rest = rest
  }

  /** Counts shared values each time they appear, as JSON would write them. */
  #count(characters: number): void {
    this.#size += characters + 16
    this.#file.check('maxMetadataSize', this.#size, 'characters of metadata')
  }

  #convert(value: PickleValue, depth: number): MetadataValue {
    this.#file.check('maxDepth', depth, 'nested containers in the metadata')
    if (Array.isArray(value)) return this.#array(value, depth)
    if (value instanceof PickleTuple) return this.#array(value.items, depth)
    if (value instanceof Map) return this.object(value, depth)
    if (value instanceof TorchTensor) return this.#typed(value.dtype, value.shape)
    if (value instanceof TorchStorage) return this.#typed(value.dtype, [value.viewLength])
    if (value instanceof NumpyArray) {
      return this.#typed(value.dtype ? dtypeOfNumpy(value.dtype) : 'object', value.shape)
    }
    if (value instanceof PickleObject) return this.#record(value)
    if (value instanceof PickleGlobal && !value.meaning.dtype) return this.#name(value)
    const scalar = toScalar(value)
    this.#count(typeof scalar === 'string' ? scalar.length : 0)
    return scalar
  }

  #array(items: readonly PickleValue[], depth: number): MetadataValue[] {
    this.#count(0)
    return items.map((item) => this.#convert(item, depth + 1))
  }

  #typed(dtype: string, shape: readonly number[]): MetadataObject {
    this.#count(dtype.length + 16 * shape.length)
    return Object.assign(Object.create(null), { dtype, shape: [...shape] })
  }

  #name({ name }: PickleGlobal): PythonRecord {
    this.#count(name.length)
    return new PythonRecord(
      name,
      () => [],
      () => null,
    )
  }

  /** The contents of a record are converted when they are asked for, each time within the limits. */
  #record({ name, args, state, items, entries }: PickleObject): PythonRecord {
    this.#count(name.length)
    const fresh = () => new Converter(this.#file)
    return new PythonRecord(
      name,
      () => fresh().#array(args, 0),
      () => fresh().#convert(state ?? entries ?? items ?? null, 0),
    )
  }

  // Without a prototype, __proto__ is an ordinary key.
  object(dict: PickleDict, depth: number): MetadataObject {
    this.#count(0)
    const result: MetadataObject = Object.create(null)
    for (const [key, value] of dict) {
      let item = value
      if (value === this.#taken && this.#rest) {
        if (this.#rest.size === 0) continue
        item = this.#rest
      }
      const name = toKey(this.#convert(key, depth + 1))
      result[name] = this.#convert(item, depth + 1)
    }
    return result
  }
}

/** Formats a key as JSON does; optimizer states have numbers as keys. */
function toKey(key: MetadataValue): string {
  if (typeof key === 'string') return key
  return key instanceof PythonRecord ? String(key) : JSON.stringify(key)
}

type Compound =
  | PickleValue[]
  | PickleDict
  | PickleTuple
  | PickleObject
  | NumpyArray
  | TorchStorage
  | TorchTensor

function toScalar(value: Exclude<PickleValue, Compound>): string | number | boolean | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) {
    if (value.byteLength > LONGEST_BYTES) return `<${value.byteLength} bytes>`
    return decodeUtf8(value) ?? decodeLatin1(value)
  }
  if (value instanceof PickleGlobal) return value.name
  if (value instanceof NumpyDType) return value.code
  return value
}
