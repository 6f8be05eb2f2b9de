import { InverseFormError } from '@inverseform/errors'
import { emitOnnx } from '../graph/operators/index.js'
import type { OnnxAttribute, OnnxEmitter } from '../graph/operators/operator.js'
import { type Graph, topologicalOrder, type Value } from '../graph/value.js'
import type { ByteSink } from '../io/index.js'
import { type ComputeType, computeTypeOf, storedPrecision } from './compute.js'
import { Message, writeChunks } from './message.js'
import type { WeightPrecision } from './precision.js'
import { castTo, modelProto, nodeProto, tensorProto, valueInfoProto } from './schema.js'
import { WeightFile } from './weight-file.js'
import { type Constant, WeightStore } from './weight-store.js'

/** The operator set that graphs are written in: the newest that all of the runtimes' providers cover. */
export const ONNX_OPSET = 17

/** Protocol Buffers messages end here. */
const MAX_MODEL_BYTES = 2 ** 31 - 1

/** A float16 matrix that would take more bytes than this in float32 is made float32 in blocks of rows. */
const MAX_CAST_BYTES = 2 ** 24

/** Bytes ready to be written: their number is known, weights are read while they are written. */
export interface Writable {
  readonly byteLength: number
  write(sink: ByteSink): Promise<void>
}

export interface EncodedModel extends Writable {
  /** The weights, where they are kept beside the model. */
  readonly weights?: Writable
}

export interface EncodeOnnxOptions {
  /** Key-value pairs kept in the model's `metadata_props`. */
  readonly metadata?: Readonly<Record<string, string>>
  /**
   * Keep the weights beside the model, in a file of this name (ONNX external data), for whoever runs the model to map
   * into memory. Without it they are part of the model, which then ends at 2 GiB.
   */
  readonly weightFile?: string
  /**
   * What the network computes in; `float32` unless given. `float16` halves weights and maps alike, for devices that
   * compute in it faster (WebGPU with `shader-f16`, CUDA): all weights are float16 and are used as they are, every input
   * and output stays float32 with one Cast, and so do sums over the whole image. A weight beyond ±65504 is an error; maps
   * must stay below it too, which normalised networks do. Fold the normalisations first (`foldBatchNorm`).
   * The model's metadata get `compute`: `float16`, for whoever plans memory.
   */
  readonly compute?: ComputeType
  /**
   * What weights of two axes or more and at least 4096 values are stored as, for computing in float32; `float32` unless
   * given. With `compute: 'float16'` leave it out: all weights are float16. Computation is in float32 whatever the
   * precision, except where a runtime fuses an int8 matrix with the product that it is for, as ONNX Runtime does.
   *
   * - `float16`: rounded to nearest, with a Cast behind each; a value beyond ±65504 is an error.
   * - `int8`: symmetric, one scale an output (row of a matrix, filter of a convolution), with a DequantizeLinear behind each.
   */
  readonly precision?: WeightPrecision
}

/**
 * Encodes a graph as an ONNX model (opset 17). Batch, height and width stay dynamic.
 * @throws `invalid-argument` when `precision` does not go with `compute`; `limit-exceeded` when the model would pass
 * 2 GiB; its `write` too, for a weight that the precision cannot hold.
 */
export function encodeOnnx(graph: Graph, options: EncodeOnnxOptions = {}): EncodedModel {
  const { compute = 'float32' } = options
  const precision = storedPrecision(compute, options.precision)
  const weights = options.weightFile === undefined ? undefined : new WeightFile(options.weightFile)
  const proto = new GraphEncoder(graph, new WeightStore(precision, weights), compute).encode()
  const metadata = { ...options.metadata, ...(compute === 'float16' && { compute }) }
  const { byteLength, chunks } = modelProto(proto, 'inverseform', ONNX_OPSET, metadata)
  if (byteLength > MAX_MODEL_BYTES) {
    throw new InverseFormError(
      'limit-exceeded',
      `The ONNX model would take ${byteLength} bytes; the format ends at 2 GiB.`,
      { hint: 'Keep the weights in a file of their own: pass `weightFile`.' },
    )
  }
  return { byteLength, write: (sink) => writeChunks(chunks, sink), weights }
}

interface NodeSpec {
  readonly type: string
  readonly name: string
  readonly inputs: readonly string[]
  readonly attributes: Readonly<Record<string, OnnxAttribute>>
}

class GraphEncoder implements OnnxEmitter {
  private readonly nodes: NodeSpec[] = []
  private readonly names = new Map<Value, string>()
  /** What each value named is in. */
  private readonly types = new Map<Value, ComputeType>()
  /** Size computations and small constants are made once, however often they are asked for. */
  private readonly shared = new Map<string, string>()
  /** Names of the module whose operator is being written, as in the checkpoint. */
  private scope = ''

  constructor(
    private readonly graph: Graph,
    private readonly weights: WeightStore,
    private readonly compute: ComputeType,
  ) {}

  encode(): Message {
    const inputs: Message[] = []
    for (const value of topologicalOrder(this.graph)) {
      if (value.op === 'input') {
        this.names.set(value, value.attributes.name)
        this.types.set(value, 'float32')
        inputs.push(valueInfoProto(value.attributes.name, value.shape))
      } else if (value.op !== 'constant') {
        this.scope = scopeOf(value)
        const type = this.typeOf(value)
        this.types.set(value, type)
        const name = this.compactLinear(value) ?? this.castProduct(value)
        const inputNames = () => value.inputs.map((input) => this.nameOf(input, type))
        this.names.set(value, name ?? emitOnnx(this, value, inputNames()))
      }
    }
    this.scope = ''
    const nodes = this.renamedToOutputs()
    const message = new Message().string(2, 'inverseform')
    for (const node of nodes) {
      message.message(1, nodeProto(node.type, node.name, node.inputs, node.output, node.attributes))
    }
    for (const initializer of this.weights.initializers) message.message(5, initializer)
    for (const info of inputs) message.message(11, info)
    for (const [name, { shape }] of Object.entries(this.graph.outputs)) {
      message.message(12, valueInfoProto(name, shape))
    }
    return message
  }

  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string {
    const name = `${this.scope}${type}_${this.nodes.length}`
    this.nodes.push({ type, name, inputs, attributes })
    return name
  }

  int64(values: readonly number[]): string {
    return this.once(`int64 ${values}`, () => {
      const name = `int64_${values.join('_')}`
      const raw = new Uint8Array(BigInt64Array.from(values, BigInt).buffer)
      this.weights.initializers.push(tensorProto(name, [values.length], 'int64', raw))
      return name
    })
  }

  sizes(tensor: string, start: number, end?: number): string {
    const attributes: Record<string, number> = end === undefined ? { start } : { start, end }
    return this.once(`sizes ${tensor} ${start} ${end}`, () => this.node('Shape', [tensor], attributes))
  }

  private once(key: string, make: () => string): string {
    const made = this.shared.get(key) ?? make()
    this.shared.set(key, made)
    return made
  }

  private typeOf(value: Value): ComputeType {
    if (this.compute === 'float32') return 'float32'
    return computeTypeOf(value, this.types.get(value.inputs[0]) ?? 'float16')
  }

  /** The name of a value in a type. A weight gets its own, and what makes it that type, when it is first used. */
  private nameOf(value: Value, type: ComputeType = 'float32'): string {
    const name = this.names.get(value) ?? this.weight(value as Constant)
    this.names.set(value, name)
    if ((this.types.get(value) ?? this.compute) === type) return name
    return this.once(`${type} ${name}`, () => this.node('Cast', [name], castTo(type)))
  }

  /** A node's output carries its name, except that the graph's outputs have names of their own. */
  private renamedToOutputs(): (NodeSpec & { readonly output: string })[] {
    const renamed = new Map<string, string>()
    for (const [name, value] of Object.entries(this.graph.outputs)) {
      const isNode = value.op !== 'input' && value.op !== 'constant'
      if (isNode && !renamed.has(this.nameOf(value))) renamed.set(this.nameOf(value), name)
      else this.nodes.push({ type: 'Identity', name, inputs: [this.nameOf(value)], attributes: {} })
    }
    const rename = (name: string) => renamed.get(name) ?? name
    return this.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), output: rename(node.name) }))
  }

  private weight(weight: Constant): string {
    if (this.compute === 'float16') return this.weights.float16(weight)
    const precision = this.weights.precisionOf(weight)
    if (precision === 'float32') return this.weights.float32(weight)
    if (precision === 'float16') return this.node('Cast', [this.weights.float16(weight)], castTo('float32'))
    return this.node('DequantizeLinear', this.weights.int8(weight, false), { axis: 0 })
  }

  /** A linear layer in a form that a runtime can run without making all of its weight float32, where that is another. */
  private compactLinear(value: Value): string | undefined {
    if (this.compute === 'float16' || value.op !== 'linear' || value.inputs[1].op !== 'constant')
      return undefined
    const weight = value.inputs[1]
    const precision = this.weights.precisionOf(weight)
    const [outputs, inputs] = weight.shape as readonly [number, number]
    const [x, bias] = [value.inputs[0], value.inputs[2]].map((input) => this.nameOf(input))
    if (precision === 'int8') {
      // ONNX Runtime has a kernel for int8 codes [inputs, outputs] with scales by column, not for their transpose; it would
      // not see it behind a Gemm whose bias and activation it had fused before.
      const matrix = this.node('DequantizeLinear', this.weights.int8(weight, true), { axis: 1 })
      return this.node('Add', [this.node('Gemm', [x, matrix]), bias])
    }
    const rows = Math.max(1, Math.floor(MAX_CAST_BYTES / (4 * inputs)))
    if (precision === 'float32' || rows >= outputs) return undefined
    const stored = this.weights.float16(weight)
    const products: string[] = []
    for (let start = 0; start < outputs; start += rows) {
      const block = this.castRows(stored, start, Math.min(start + rows, outputs), 0)
      products.push(this.node('Gemm', [x, block], { transB: 1 }))
    }
    return this.node('Add', [this.node('Concat', products, { axis: 1 }), bias])
  }

  /**
   * A product in float32 of a matrix in float16, half of its rows at a time: what is made float32 then takes no more
   * bytes than the matrix, which may be the largest value of the network.
   */
  private castProduct(value: Value): string | undefined {
    const [a, b] = value.inputs
    const [axis, rows] = [value.shape.length - 2, value.shape.at(-2)]
    const isCast =
      value.op === 'matmul' && this.types.get(value) === 'float32' && this.types.get(a) === 'float16'
    if (!isCast || typeof rows !== 'number' || rows === 1) return undefined
    const middle = rows >> 1
    const products = [[0, middle] as const, [middle, rows] as const].map(([start, end]) => {
      const block = this.castRows(this.nameOf(a, 'float16'), start, end, axis)
      return this.node('MatMul', [block, this.nameOf(b)])
    })
    return this.node('Concat', products, { axis })
  }

  /** Part of a float16 tensor along an axis, in float32. */
  private castRows(tensor: string, start: number, end: number, axis: number): string {
    const range = [[start], [end], [axis]].map((values) => this.int64(values))
    return this.node('Cast', [this.node('Slice', [tensor, ...range])], castTo('float32'))
  }
}

/** `backbone.layer1.0.conv1/` for an operator with that module's weight, nothing for one without. */
function scopeOf(value: Value): string {
  const weight = value.inputs.find((input) => input.op === 'constant')
  return weight ? `${weight.attributes.name.replace(/\.[^.]*$/, '')}/` : ''
}
