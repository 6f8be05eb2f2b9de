import { contiguousStrides } from '../strides.js'
import type { DType } from '../types.js'
import type { WritableTensor } from '../writable.js'

/** A value that a checkpoint can hold besides its tensors. Whole numbers become `int` in Python, others `float`. */
export type TorchMetadataValue = string | number | boolean | null

const storageTypes: Readonly<Record<DType, string>> = {
  float64: 'DoubleStorage',
  float32: 'FloatStorage',
  float16: 'HalfStorage',
  bfloat16: 'BFloat16Storage',
  int64: 'LongStorage',
  int32: 'IntStorage',
  int16: 'ShortStorage',
  int8: 'CharStorage',
  uint8: 'ByteStorage',
  bool: 'BoolStorage',
}

/**
 * Returns the pickle of `torch.save`: an OrderedDict of tensors, or, with metadata, a dict that has it as `state_dict`.
 * The storage of tensor i has the key i.
 *
 * The instructions are those of Python's pickler for protocol 2, which `torch.load(weights_only=True)` also runs. It
 * calls only `collections.OrderedDict` and `torch._utils._rebuild_tensor_v2`.
 */
export function pickleStateDict(
  tensors: readonly WritableTensor[],
  metadata?: Readonly<Record<string, TorchMetadataValue>>,
): Uint8Array {
  const out = new PickleWriter()
  if (metadata) {
    out.op(EMPTY_DICT)
    out.memoize()
    out.op(MARK)
    out.text('state_dict')
  }
  out.orderedDict()
  out.memoize()
  if (tensors.length) {
    out.op(MARK)
    tensors.forEach((tensor, i) => {
      out.text(tensor.name)
      writeTensor(out, tensor, `${i}`)
    })
    out.op(SETITEMS)
  }
  if (metadata) {
    for (const [name, value] of Object.entries(metadata)) {
      out.text(name)
      out.scalar(value)
    }
    out.op(SETITEMS)
  }
  return out.finish()
}

/** Writes `_rebuild_tensor_v2(storage, 0, shape, strides, requires_grad, OrderedDict())`. */
function writeTensor(out: PickleWriter, { dtype, shape }: WritableTensor, key: string): void {
  // Torch counts empty axes as 1 in strides.
  const sizes = shape.map((size) => Math.max(size, 1))
  out.global('torch._utils', '_rebuild_tensor_v2')
  out.op(MARK)
  out.op(MARK)
  out.text('storage')
  out.global('torch', storageTypes[dtype as DType])
  out.text(key)
  out.text('cpu')
  out.scalar(shape.reduce((size, length) => size * length, 1))
  out.op(TUPLE)
  out.memoize()
  out.op(BINPERSID)
  out.scalar(0)
  out.integers(shape)
  out.integers(contiguousStrides(sizes))
  out.scalar(false)
  out.orderedDict()
  out.memoize()
  out.op(TUPLE)
  out.memoize()
  out.op(REDUCE)
  out.memoize()
}

const MARK = 0x28
const EMPTY_TUPLE = 0x29
const STOP = 0x2e
const BINFLOAT = 0x47
const BININT = 0x4a
const BININT1 = 0x4b
const BININT2 = 0x4d
const NONE = 0x4e
const BINPERSID = 0x51
const REDUCE = 0x52
const BINUNICODE = 0x58
const GLOBAL = 0x63
const BINGET = 0x68
const LONG_BINGET = 0x6a
const BINPUT = 0x71
const LONG_BINPUT = 0x72
const TUPLE = 0x74
const SETITEMS = 0x75
const EMPTY_DICT = 0x7d
const PROTO = 0x80
/** Tuples of 1, 2 and 3 items have instructions of their own, in this order. */
const TUPLE1 = 0x85
const NEWTRUE = 0x88
const NEWFALSE = 0x89
const LONG1 = 0x8a

const utf8 = new TextEncoder()

/** Writes pickle instructions. Texts and globals that repeat are recalled from the memo, as Python does. */
class PickleWriter {
  readonly #bytes: number[] = [PROTO, 2]
  readonly #memo = new Map<string, number>()
  #memoized = 0

  op(code: number): void {
    this.#bytes.push(code)
  }

  /** Remembers the value on top of the stack. `key` says what it is, to recall it. */
  memoize(key?: string): void {
    const index = this.#memoized++
    if (key !== undefined) this.#memo.set(key, index)
    if (index < 256) this.#bytes.push(BINPUT, index)
    else this.#little(LONG_BINPUT, index, 4)
  }

  /** Pushes a remembered value; returns false if there is none. */
  #recall(key: string): boolean {
    const index = this.#memo.get(key)
    if (index === undefined) return false
    if (index < 256) this.#bytes.push(BINGET, index)
    else this.#little(LONG_BINGET, index, 4)
    return true
  }

  text(value: string): void {
    const key = `text ${value}`
    if (this.#recall(key)) return
    const encoded = utf8.encode(value)
    this.#little(BINUNICODE, encoded.length, 4)
    this.#append(encoded)
    this.memoize(key)
  }

  global(module: string, name: string): void {
    const key = `global ${module}.${name}`
    if (this.#recall(key)) return
    this.op(GLOBAL)
    this.#append(utf8.encode(`${module}\n${name}\n`))
    this.memoize(key)
  }

  orderedDict(): void {
    this.global('collections', 'OrderedDict')
    this.op(EMPTY_TUPLE)
    this.op(REDUCE)
  }

  /** Pushes a tuple of integers. */
  integers(values: readonly number[]): void {
    if (values.length > 3) this.op(MARK)
    for (const value of values) this.scalar(value)
    if (values.length === 0) {
      this.op(EMPTY_TUPLE)
      return
    }
    this.op(values.length > 3 ? TUPLE : TUPLE1 + values.length - 1)
    this.memoize()
  }

  scalar(value: TorchMetadataValue): void {
    if (value === null) this.op(NONE)
    else if (typeof value === 'boolean') this.op(value ? NEWTRUE : NEWFALSE)
    else if (typeof value === 'string') this.text(value)
    else if (Number.isInteger(value)) this.#integer(value)
    else {
      const bytes = new Uint8Array(8)
      new DataView(bytes.buffer).setFloat64(0, value)
      this.op(BINFLOAT)
      this.#append(bytes)
    }
  }

  #integer(value: number): void {
    if (value >= 0 && value < 2 ** 8) this.#bytes.push(BININT1, value)
    else if (value >= 0 && value < 2 ** 16) this.#little(BININT2, value, 2)
    else if (value >= -(2 ** 31) && value < 2 ** 31) this.#little(BININT, value, 4)
    else {
      // Two's complement in as few bytes as hold the sign.
      let size = 5
      while (BigInt.asIntN(8 * size, BigInt(value)) !== BigInt(value)) size++
      this.#bytes.push(LONG1, size)
      for (let i = 0; i < size; i++) this.#bytes.push(Number((BigInt(value) >> BigInt(8 * i)) & 255n))
    }
  }

  finish(): Uint8Array {
    this.op(STOP)
    return Uint8Array.from(this.#bytes)
  }

  #little(code: number, value: number, size: number): void {
    this.#bytes.push(code)
    for (let i = 0; i < size; i++) this.#bytes.push((value >> (8 * i)) & 255)
  }

  #append(bytes: Uint8Array): void {
    for (const byte of bytes) this.#bytes.push(byte)
  }
}
