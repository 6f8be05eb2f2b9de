import { decodeUtf8 } from '../checkpoint/decode.js'
import type { CheckpointFile } from '../checkpoint/file.js'

/** A range `[start, end)` of bytes in the file. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** A field and its value: a number (varint) or a range of bytes. Numbers beyond 2^53 are rounded. */
export interface WireField {
  readonly field: number
  readonly value: WireValue
}

export type WireValue = number | Span

/** Bytes of the wire types without a length: fixed64 and fixed32. */
const fixedSizes: Readonly<Record<number, number>> = { 1: 8, 5: 4 }
const MAX_FIELD = 2 ** 29 - 1
/** Bytes of the longest varint, a 64-bit number. */
const MAX_VARINT = 10
/** Most fields to read. Stops hundreds of millions of empty ones; the largest model has about ten thousand. */
const MAX_FIELDS = 1e6
/** Fields to read before a pause, in which the reading can be aborted. */
const PAUSE_AFTER = 1000
/** Most bytes of a text. Stops names as long as the file. */
const MAX_TEXT = 2 ** 20
/** Most bytes of packed numbers, which are the sizes of a tensor. */
const MAX_PACKED = 1024
/** Bytes to read ahead, so that small fields are not read one by one. Weights are skipped. */
const WINDOW = 2 ** 14

const EMPTY: Span = { start: 0, end: 0 }

/** Reads the Protocol Buffers messages of a file in order. https://protobuf.dev/programming-guides/encoding/ */
export class WireReader {
  #window: Uint8Array = new Uint8Array()
  #windowStart = 0
  #fields = 0

  readonly #file: CheckpointFile

  constructor(file: CheckpointFile) {
    this.#file = file
  }

  /** Yields the fields of a message in order. Values with a length are skipped, not read. */
  async *fields(message: WireValue | undefined): AsyncGenerator<WireField> {
    const { start, end } = this.span(message)
    let at = start
    while (at < end) {
      if (++this.#fields > MAX_FIELDS) throw this.damaged(`more than ${MAX_FIELDS} fields`)
      if (this.#fields % PAUSE_AFTER === 0) await this.#file.pause()
      const bytes = await this.#peek(at, Math.min(end, at + 2 * MAX_VARINT))
      const first = at
      const varint = () => {
        let value = 0
        for (let i = 0; i < MAX_VARINT; i++) {
          if (at === end) throw this.damaged('a truncated number')
          const byte = bytes[at++ - first]
          value += (byte & 0x7f) * 128 ** i
          if (byte < 0x80) return value
        }
        throw this.damaged(`a number of more than ${MAX_VARINT} bytes at byte ${at}`)
      }
      const take = (length: number): Span => {
        if (length > end - at) {
          throw this.damaged(`a field of ${length} bytes at byte ${at}, but only ${end - at} bytes are left`)
        }
        at += length
        return { start: at - length, end: at }
      }
      const key = varint()
      const [field, type] = [Math.floor(key / 8), key % 8]
      if (field < 1 || field > MAX_FIELD) throw this.damaged(`a field numbered ${field} at byte ${at}`)
      if (type === 0) yield { field, value: varint() }
      else if (type === 2) yield { field, value: take(varint()) }
      else if (type in fixedSizes) yield { field, value: take(fixedSizes[type]) }
      else throw this.damaged(`a field of the wire type ${type} at byte ${at}`)
    }
  }

  /** Returns all values of a field. */
  async all(message: WireValue | undefined, field: number): Promise<WireValue[]> {
    const values: WireValue[] = []
    for await (const found of this.fields(message)) if (found.field === field) values.push(found.value)
    return values
  }

  /** Returns the value of a field that is not repeated; the last one counts. */
  async last(message: WireValue | undefined, field: number): Promise<WireValue | undefined> {
    return (await this.all(message, field)).at(-1)
  }

  async text(value: WireValue | undefined): Promise<string> {
    const { start, end } = this.span(value)
    if (end - start > MAX_TEXT) throw this.damaged(`a text of ${end - start} bytes`)
    const decoded = decodeUtf8(await this.#peek(start, end))
    if (decoded === undefined) throw this.damaged('a text that is not UTF-8')
    return decoded
  }

  /** Returns the numbers of a repeated field: one, or several packed. */
  async numbers(value: WireValue): Promise<number[]> {
    if (typeof value === 'number') return [value]
    const length = value.end - value.start
    if (length > MAX_PACKED) throw this.damaged(`a shape of ${length} bytes`)
    const numbers: number[] = []
    let [number, scale] = [0, 1]
    for (const byte of await this.#peek(value.start, value.end)) {
      number += (byte & 0x7f) * scale
      scale *= 128
      if (byte >= 0x80) continue
      numbers.push(number)
      ;[number, scale] = [0, 1]
    }
    return numbers
  }

  /** Returns the range of a value. A missing field counts as empty. */
  span(value: WireValue | undefined): Span {
    if (typeof value === 'number') throw this.damaged('a number instead of a message')
    return value ?? EMPTY
  }

  damaged(found: string) {
    return this.#file.invalid(
      `the ONNX model is damaged: it has ${found}`,
      'The file is truncated or damaged: copy it again.',
    )
  }

  async #peek(start: number, end: number): Promise<Uint8Array> {
    if (start < this.#windowStart || end > this.#windowStart + this.#window.length) {
      const windowEnd = Math.min(this.#file.size, Math.max(end, start + WINDOW))
      this.#window = await this.#file.read(start, windowEnd, 'the ONNX model')
      this.#windowStart = start
    }
    return this.#window.subarray(start - this.#windowStart, end - this.#windowStart)
  }
}
