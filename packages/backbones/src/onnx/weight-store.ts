import { InverseFormError } from '@inverseform/errors'
import { asLittleEndian } from '../checkpoint/dtype.js'
import { formatShape } from '../graph/dim.js'
import type { ValueOf } from '../graph/value.js'
import type { LazyBytes, Message } from './message.js'
import { type QuantisedWeight, quantise, toFloat16, type WeightPrecision } from './precision.js'
import { type TensorType, tensorProto } from './schema.js'
import type { WeightFile } from './weight-file.js'

/** Weights with fewer values stay float32, as do those of one axis: they save nothing, and biases and scales matter. */
const SMALLEST_COMPACT = 4096

export type Constant = ValueOf<'constant'>

/** The initializers of a model: its weights, each written once, in the precision asked for. */
export class WeightStore {
  readonly initializers: Message[] = []
  private readonly names = new Set<string>()

  constructor(
    private readonly precision: WeightPrecision,
    private readonly file: WeightFile | undefined,
  ) {}

  /** What a weight is stored as. */
  precisionOf(weight: Constant): WeightPrecision {
    return weight.shape.length > 1 && elementsOf(weight) >= SMALLEST_COMPACT ? this.precision : 'float32'
  }

  float32(weight: Constant): string {
    const load = async () => asLittleEndian(await valuesOf(weight))
    return this.add(weight.attributes.name, dimsOf(weight), 'float32', load)
  }

  float16(weight: Constant): string {
    const load = async () => asLittleEndian(toFloat16(weight.attributes.name, await valuesOf(weight)))
    return this.add(weight.attributes.name, dimsOf(weight), 'float16', load)
  }

  /**
   * A weight [rows, …] and its scales and zero points [rows], as DequantizeLinear takes them; transposed, a weight
   * [rows, columns] is stored as [columns, rows].
   */
  int8(weight: Constant, transpose: boolean): string[] {
    const { name } = weight.attributes
    const dims = dimsOf(weight)
    const compute = async () => quantise(name, await valuesOf(weight), { rows: dims[0], transpose })
    // Scales are written right after the codes they come with: the weight is read for both at once.
    let scales: Promise<Float32Array> | undefined
    async function loadCodes(): Promise<Uint8Array> {
      const quantised: QuantisedWeight = await compute()
      scales = Promise.resolve(quantised.scales)
      return new Uint8Array(quantised.codes.buffer)
    }
    async function loadScales(): Promise<Uint8Array> {
      scales ??= compute().then((quantised) => quantised.scales)
      return asLittleEndian(await scales)
    }
    const rows = dims.slice(0, 1)
    return [
      this.add(name, transpose ? [...dims].reverse() : dims, 'int8', loadCodes),
      this.add(`${name}.scale`, rows, 'float32', loadScales, 0),
      // Zero is the default; ONNX Runtime fuses only what says so.
      this.add(`${name}.zero_point`, rows, 'int8', async () => new Uint8Array(rows[0])),
    ]
  }

  private add(
    wanted: string,
    dims: readonly number[],
    type: Exclude<TensorType, 'int64'>,
    load: LazyBytes['load'],
    smallestInFile?: number,
  ): string {
    // Two weights may carry one name once passes have cut or merged them.
    const name = this.names.has(wanted) ? `${wanted}#${this.names.size}` : wanted
    this.names.add(name)
    const itemSize = { float32: 4, float16: 2, int8: 1 }[type]
    const bytes = { byteLength: itemSize * dims.reduce((product, dim) => product * dim, 1), load }
    this.initializers.push(tensorProto(name, dims, type, this.file?.add(bytes, smallestInFile) ?? bytes))
    return name
  }
}

const dimsOf = (weight: Constant) => weight.shape as readonly number[]
const elementsOf = (weight: Constant) => dimsOf(weight).reduce((product, dim) => product * dim, 1)

async function valuesOf(weight: Constant): Promise<Float32Array> {
  const data = await weight.attributes.load()
  if (data.length === elementsOf(weight)) return data
  throw new InverseFormError(
    'size-mismatch',
    `The weight ${weight.attributes.name} has ${data.length} values for the shape ${formatShape(weight.shape)}.`,
    { hint: "Let the weight's load() give as many values as its shape has elements." },
  )
}
