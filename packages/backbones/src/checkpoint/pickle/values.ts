import type { DType } from '../types.js'

/** A value that a pickle builds. Python's lists become arrays, its dicts Maps. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | PickleDict
  | PickleTuple
  | PickleGlobal
  | NumpyDType
  | TorchStorage
  | TorchTensor

export type PickleDict = Map<PickleValue, PickleValue>

export class PickleTuple {
  readonly items: readonly PickleValue[]

  constructor(items: readonly PickleValue[]) {
    this.items = items
  }
}

/** What a Python global stands for. */
export interface GlobalMeaning {
  /** The element type of a storage class or a `torch.dtype`. */
  readonly dtype?: DType
  /** Builds what a call of the global returns. `fail` creates an error that names the global. */
  readonly call?: (args: readonly PickleValue[], fail: (problem: string) => Error) => PickleValue
}

export class PickleGlobal {
  /** `module.name`, as Python writes it. */
  readonly name: string
  readonly meaning: GlobalMeaning

  constructor(name: string, meaning: GlobalMeaning) {
    this.name = name
    this.meaning = meaning
  }
}

/** A NumPy element type: kind and bytes, such as `f8`. Its state sets the byte order later. */
export class NumpyDType {
  bigEndian = false
  readonly code: string

  constructor(code: string) {
    this.code = code
  }
}

/** A run of elements in the file. Tensors are views of it. */
export class TorchStorage {
  readonly key: string
  readonly dtype: DType
  /** Elements. */
  readonly length: number
  /** First element of this view of the storage. Only files of the first PyTorch versions have views. */
  readonly viewOffset: number
  /** Number of elements of the view. */
  readonly viewLength: number

  constructor(key: string, dtype: DType, length: number, viewOffset: number, viewLength: number) {
    this.key = key
    this.dtype = dtype
    this.length = length
    this.viewOffset = viewOffset
    this.viewLength = viewLength
  }
}

/** A strided view of a storage; offset and strides count elements. */
export class TorchTensor {
  readonly storage: TorchStorage
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]

  constructor(storage: TorchStorage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage
    this.offset = offset
    this.shape = shape
    this.strides = strides
  }
}

/** Whether a value can be a length, an offset or a stride: a safe integer of at least 0. */
export function isSize(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** Describes a value in an error message. */
export function describe(value: PickleValue | undefined): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'None'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (value instanceof Map) return `a dict of ${value.size}`
  if (value instanceof PickleTuple) return `a tuple of ${value.items.length}`
  if (value instanceof PickleGlobal) return value.name
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`
  if (value instanceof NumpyDType) return `the NumPy type ${value.code}`
  if (value instanceof TorchStorage) return `a ${value.dtype} storage`
  if (value instanceof TorchTensor) return 'a tensor'
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 60 ? text.slice(0, 60) + '…' : text
}
