import type { DType } from './types.js'

/** What a pickle's instructions build. Python's lists are arrays, its dicts are Maps. */
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
  constructor(readonly items: readonly PickleValue[]) {}
}

/** A name that a pickle may refer to, and what stands in for it here. */
export interface GlobalMeaning {
  /** The element type that a storage class or a `torch.dtype` stands for. */
  readonly dtype?: DType
  /** What calling it builds; `fail` makes an error that names the global. */
  readonly call?: (args: readonly PickleValue[], fail: (problem: string) => Error) => PickleValue
}

export class PickleGlobal {
  constructor(
    /** `module.name`, as Python writes it. */
    readonly name: string,
    readonly meaning: GlobalMeaning,
  ) {}
}

/** A NumPy element type: kind and bytes as in `f8`, with the byte order that its state sets later. */
export class NumpyDType {
  bigEndian = false
  constructor(readonly code: string) {}
}

/** A flat run of elements in the file that tensors are views of. */
export class TorchStorage {
  constructor(
    readonly key: string,
    readonly dtype: DType,
    /** Elements. */
    readonly length: number,
    /** Where this view of the storage starts, in elements: files of the first PyTorch versions have such. */
    readonly viewOffset: number,
    /** Elements from there on that belong to the view. */
    readonly viewLength: number,
  ) {}
}

/** A strided view of a storage; offset and strides count elements. */
export class TorchTensor {
  constructor(
    readonly storage: TorchStorage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

/** Whether a value can be a length, an offset, a stride: a whole number, not negative, exact. */
export function isWhole(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** What a value is, in the words of an error message. */
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
