import { product } from '@inverseform/shared'
import { asArray } from '../checkpoint/dtype.js'
import type { CheckpointFile } from '../checkpoint/file.js'
import { constant } from '../graph/build.js'
import { rewrite } from '../graph/passes/index.js'
import { type Graph, topologicalOrder } from '../graph/value.js'
import { quoted } from '../models/load-report.js'
import { weightValues } from '../models/weight-values.js'
import type { Initializer } from './contents.js'
import { convertAgain } from './metadata.js'
import type { Constant } from './weight-store.js'

/** Weight types by TensorProto.DataType. */
const types: Readonly<Record<number, { dtype: 'float32' | 'float16' | 'int8'; size: number }>> = {
  1: { dtype: 'float32', size: 4 },
  3: { dtype: 'int8', size: 1 },
  10: { dtype: 'float16', size: 2 },
}
/**
 * Whether an initializer is a size, an axis, or the scale or zero point of a map, and not a weight. `encodeOnnx` names numbers
 * by their value; a weight may also be a scalar.
 */
const isNumber = ({ name, type }: Initializer) =>
  type === INT64 || type === UINT8 || name.startsWith('float_')
const [UINT8, INT64] = [2, 7]

/** Shapes of the initializers that a graph needs, by name. */
export type NeededWeights = ReadonlyMap<string, readonly number[]>

/** The weights of an ONNX model that `encodeOnnx` wrote, in any precision. */
export class StoredWeights {
  readonly byName: ReadonlyMap<string, Initializer>

  readonly #file: CheckpointFile

  /** @throws InverseFormError `invalid-checkpoint` for values in another file, of an unknown type or of the wrong length */
  constructor(file: CheckpointFile, initializers: readonly Initializer[]) {
    this.#file = file
    const weights = initializers.filter((initializer) => !isNumber(initializer))
    for (const { name, shape, type, data, location } of weights) {
      const what = `the weight ${quoted(name)} of the ONNX model`
      if (location !== undefined) {
        const place = `the ONNX model's weights are in another file, ${quoted(location)}`
        throw file.invalid(
          place,
          'Convert the checkpoint again without a weight file, or use the checkpoint itself.',
        )
      }
      const known = types[type]
      if (!known) throw file.invalid(`${what} has the unknown data type ${type}`, convertAgain)
      const expected = known.size * product(shape)
      const found = data.end - data.start
      if (found !== expected) {
        const values = `${known.dtype} [${shape.slice(0, 8)}]`
        throw file.invalid(`${what} has ${found} bytes for ${values}`, convertAgain)
      }
    }
    this.byName = new Map(weights.map((weight) => [weight.name, weight]))
  }

  /** Returns the names and shapes of the initializers that hold a graph's weights. */
  neededBy(graph: Graph): NeededWeights {
    const needed = new Map<string, readonly number[]>()
    const transposed = linearWeights(graph)
    for (const weight of constantsOf(graph)) {
      const { name } = weight.attributes
      const shape = weight.shape as readonly number[]
      const isQuantized = this.#isQuantized(name)
      needed.set(name, isQuantized && transposed.has(weight) ? shape.toReversed() : shape)
      if (!isQuantized) continue
      needed.set(`${name}.scale`, shape.slice(0, 1))
      needed.set(`${name}.zero_point`, shape.slice(0, 1))
    }
    return needed
  }

  /** Returns the graph with weights that are read from the file when they load. All of them must exist. */
  bind(graph: Graph): Graph {
    const transposed = linearWeights(graph)
    return rewrite(graph, (value) => {
      if (value.op !== 'constant') return value
      const { name } = value.attributes
      const load = () =>
        this.#isQuantized(name) ? this.#dequantized(name, transposed.has(value)) : this.#values(name)
      return constant(name, value.shape as readonly number[], load)
    })
  }

  #isQuantized(name: string): boolean {
    const weight = this.byName.get(name)
    return weight !== undefined && types[weight.type].dtype === 'int8'
  }

  async #values(name: string): Promise<Float32Array> {
    const { shape, type, data } = this.byName.get(name)!
    const { dtype } = types[type]
    const bytes = await this.#file.read(data.start, data.end, `the weight ${quoted(name)}`)
    return weightValues(name, { dtype, shape, data: asArray(dtype, bytes, 'little') })
  }

  /** Computes DequantizeLinear: (code − zero point) · scale of the row. If transposed, codes are [columns, rows]. */
  async #dequantized(name: string, transposed: boolean): Promise<Float32Array> {
    const [codes, scales, zeroPoints] = await Promise.all(
      [name, `${name}.scale`, `${name}.zero_point`].map((part) => this.#values(part)),
    )
    const [rows, columns] = [scales.length, codes.length / scales.length]
    const [rowStep, columnStep] = transposed ? [1, rows] : [columns, 1]
    const values = new Float32Array(codes.length)
    for (let row = 0, at = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        values[at++] = (codes[row * rowStep + column * columnStep] - zeroPoints[row]) * scales[row]
      }
    }
    return values
  }
}

function constantsOf(graph: Graph): Constant[] {
  return topologicalOrder(graph).filter((value) => value.op === 'constant')
}

/** Returns the weights whose codes `encodeOnnx` writes transposed, for ONNX Runtime's int8 matrix product. */
function linearWeights(graph: Graph): ReadonlySet<unknown> {
  const linear = topologicalOrder(graph).filter((value) => value.op === 'linear')
  return new Set(linear.map(({ inputs }) => inputs[1]))
}
