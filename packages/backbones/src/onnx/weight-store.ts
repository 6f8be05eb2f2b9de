import { InverseFormError } from '@inverseform/errors'
import { product } from '@inverseform/shared'
import { asLittleEndian } from '../checkpoint/dtype.js'
import { formatShape } from '../graph/dim.js'
import type { ValueOf } from '../graph/value.js'
import type { LazyBytes, Message } from './message.js'
import {
  type CodeOptions,
  type QuantizedWeight,
  quantize,
  toFloat16,
  type WeightPrecision,
} from './precision.js'
import { type TensorType, tensorProto } from './schema.js'
import type { WeightFile } from './weight-file.js'

/** Smaller weights and those with one axis stay float32. They save little, and biases and scales need the precision. */
const SMALLEST_COMPACT = 4096

export type Constant = ValueOf<'constant'>

/** The initializers of a model: its weights, each written once. */
export class WeightStore {
  readonly initializers: Message[] = []
  readonly #names = new Set<string>()

  readonly #precision: WeightPrecision
  readonly #file: WeightFile | undefined

  constructor(precision: WeightPrecision, file: WeightFile | undefined) {
    this.#precision = precision
    this.#file = file
  }

  /** Returns the precision in which a weight is stored. */
  precisionOf(weight: Constant): WeightPrecision {
    return weight.shape.length > 1 && elementsOf(weight) >= SMALLEST_COMPACT ? this.#precision : 'float32'
  }

  float32(weight: Constant): string {
    const load = async () => asLittleEndian(await valuesOf(weight))
    return this.#add(weight.attributes.name, dimsOf(weight), 'float32', load)
  }

  float16(weight: Constant): string {
    const load = async () => asLittleEndian(toFloat16(weight.attributes.name, await valuesOf(weight)))
    return this.#add(weight.attributes.name, dimsOf(weight), 'float16', load)
  }

  /**
   * Adds a weight [rows, …] with its scales and zero points [rows], the inputs of DequantizeLinear. With `transpose`, a
   * weight [rows, columns] is stored as [columns, rows].
   */
  int8(weight: Constant, { transpose = false, limit = 127 }: CodeOptions = {}): string[] {
    const { name } = weight.attributes
    const dims = dimsOf(weight)
    const compute = async () => quantize(name, await valuesOf(weight), { rows: dims[0], transpose, limit })
    // Scales are written right after their codes, so the weight is read once for both.
    let scales: Promise<Float32Array> | undefined
    async function loadCodes(): Promise<Uint8Array> {
      const quantized: QuantizedWeight = await compute()
      scales = Promise.resolve(quantized.scales)
      return new Uint8Array(quantized.codes.buffer)
    }
    async function loadScales(): Promise<Uint8Array> {
      scales ??= compute().then((quantized) => quantized.scales)
      return asLittleEndian(await scales)
    }
    const rows = dims.slice(0, 1)
    return [
      this.#add(name, transpose ? [...dims].reverse() : dims, 'int8', loadCodes),
      this.#add(`${name}.scale`, rows, 'float32', loadScales, 0),
      // Zero is the default, but ONNX Runtime fuses only nodes with explicit zero points.
      this.#add(`${name}.zero_point`, rows, 'int8', async () => new Uint8Array(rows[0])),
    ]
  }

  #add(
    wanted: string,
    dims: readonly number[],
    type: Exclude<TensorType, 'int64' | 'uint8'>,
    load: LazyBytes['load'],
    smallestInFile?: number,
  ): string {
    // Passes that cut or merge weights may give two of them the same name.
    const name = this.#names.has(wanted) ? `${wanted}#${this.#names.size}` : wanted
    this.#names.add(name)
    const itemSize = { float32: 4, float16: 2, int8: 1 }[type]
    const bytes = { byteLength: itemSize * product(dims), load }
    this.initializers.push(tensorProto(name, dims, type, this.#file?.add(bytes, smallestInFile) ?? bytes))
    return name
  }
}

const dimsOf = (weight: Constant) => weight.shape as readonly number[]
const elementsOf = (weight: Constant) => product(dimsOf(weight))

async function valuesOf(weight: Constant): Promise<Float32Array> {
  const data = await weight.attributes.load()
  if (data.length === elementsOf(weight)) return data
  throw new InverseFormError(
    'size-mismatch',
    `The weight ${weight.attributes.name} has ${data.length} values for the shape ${formatShape(weight.shape)}.`,
    { hint: "Make the weight's load() return one value per element of its shape." },
  )
}
