import type { DType, OtherDType } from '../types.js'

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
  | PickleObject
  | NumpyDType
  | NumpyArray
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
  readonly dtype?: DType | OtherDType
  /** Builds what a call of the global returns. */
  readonly call?: (args: readonly PickleValue[], context: CallContext) => PickleValue
  /** Whether the global must be called with harmless arguments to be accepted. */
  readonly onlyCalled?: boolean
}

/** What a call may use. */
export interface CallContext {
  /** Creates an error that names the global. */
  fail(problem: string): Error
  /** Throws if a tensor has too many dimensions. Comes before anything looks at them. */
  checkDimensions(count: number): void
  /** Charges the work of the call. */
  work(items: number, bytes?: number): void
  /** Looks up a global as the pickle itself does. */
  global(name: string): PickleGlobal
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

/** An object of a class that is not built: its class and what it would have been made of. */
export class PickleObject {
  /** `module.name` of the class or function. */
  readonly name: string
  readonly args: readonly PickleValue[]
  state: PickleValue = null
  /** Elements that were appended, as to a list. */
  items: PickleValue[] | undefined
  /** Entries that were set, as in a dict. */
  entries: PickleDict | undefined

  constructor(name: string, args: readonly PickleValue[]) {
    this.name = name
    this.args = args
  }
}

/** A NumPy element type: kind and bytes, such as `f8`. Its state sets the byte order later. */
export class NumpyDType {
  readonly code: string
  bigEndian: boolean

  constructor(code: string, bigEndian = false) {
    this.code = code
    this.bigEndian = bigEndian
  }
}

/** A NumPy array. Its state sets everything later. */
export class NumpyArray {
  dtype: NumpyDType | undefined
  shape: readonly number[] = [0]
  fortran = false
  /** Text has one byte per character. Undefined for arrays of objects. */
  bytes: Uint8Array | string | undefined
}

/** A run of elements in the file. Tensors are views of it. */
export class TorchStorage {
  readonly key: string
  readonly dtype: DType | OtherDType
  /** Elements. */
  readonly length: number
  /** First element of this view of the storage. Only files of the first PyTorch versions have views. */
  readonly viewOffset: number
  /** Number of elements of the view. */
  readonly viewLength: number

  constructor(
    key: string,
    dtype: DType | OtherDType,
    length: number,
    viewOffset: number,
    viewLength: number,
  ) {
    this.key = key
    this.dtype = dtype
    this.length = length
    this.viewOffset = viewOffset
    this.viewLength = viewLength
  }
}

/** A strided view of elements; offset and strides count elements. */
export class TorchTensor {
  readonly dtype: DType | OtherDType
  /** Where its elements are; bytes when they are in the pickle itself, undefined when they cannot be read. */
  readonly storage: TorchStorage | NumpyArray | undefined
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  /** Why its values cannot be read: a clause. */
  readonly unreadable: string | undefined

  constructor(
    dtype: DType | OtherDType,
    storage: TorchStorage | NumpyArray | undefined,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
    unreadable?: string,
  ) {
    this.dtype = dtype
    this.storage = storage
    this.offset = offset
    this.shape = shape
    this.strides = strides
    this.unreadable = unreadable
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
  if (value instanceof PickleGlobal) return shorten(value.name)
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`
  if (value instanceof NumpyDType) return `the NumPy type ${value.code}`
  if (value instanceof TorchStorage) return `a ${value.dtype} storage`
  if (value instanceof TorchTensor) return 'a tensor'
  if (value instanceof PickleObject) return `an object of ${shorten(value.name)}`
  if (value instanceof NumpyArray) return 'a NumPy array'
  // A long text is cut before it is quoted: quoting takes time, and this may be called often.
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : shortNumber(value)
  return text.length > 60 ? text.slice(0, 60) + '…' : text
}

function shorten(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100)}…` : name
}

function shortNumber(value: boolean | number | bigint): string {
  if (typeof value === 'bigint' && BigInt.asIntN(200, value) !== value) return 'a long integer'
  return String(value)
}
