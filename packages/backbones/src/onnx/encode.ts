import { InverseFormError } from '@inverseform/errors'
import { writingOrder } from '../graph/memory.js'
import { emitOnnx } from '../graph/operators/index.js'
import type { OnnxAttribute, OnnxEmitter } from '../graph/operators/operator.js'
import { type Graph, topologicalOrder, type Value } from '../graph/value.js'
import type { ByteSink } from '../io/sink.js'
import { type ComputeType, computeTypeOf, storedPrecision } from './compute.js'
import { Message, writeChunks } from './message.js'
import { CONVOLUTION_CODES, type WeightPrecision } from './precision.js'
import { castTo, modelProto, nodeProto, tensorProto, valueInfoProto } from './schema.js'
import { WeightFile } from './weight-file.js'
import { type Constant, WeightStore } from './weight-store.js'

/** The ONNX operator set of the models: the newest that the execution providers of all runtimes support. */
export const ONNX_OPSET = 17

/** The largest Protocol Buffers message. */
const MAX_MODEL_BYTES = 2 ** 31 - 1

/** A float16 matrix that would need more bytes than this in float32 is cast in blocks of rows. */
const MAX_CAST_BYTES = 2 ** 24

/** Bytes of known length. Weights are read while they are written. */
export interface Writable {
  readonly byteLength: number
  write(sink: ByteSink): Promise<void>
}

export interface EncodedModel extends Writable {
  /** The contents of the weight file, with `weightFile`. */
  readonly weights?: Writable
}

export interface EncodeOnnxOptions {
  /** Key-value pairs for the model's `metadata_props`. */
  readonly metadata?: Readonly<Record<string, string>>
  /**
   * Keeps the weights in a separate file of this name (ONNX external data), which a runtime can map into memory. By
   * default they are part of the model, which is then limited to 2 GiB.
   */
  readonly weightFile?: string
  /**
   * The type in which the network computes; `float32` by default. `float16` halves the size of weights and maps and is
   * faster on some devices (WebGPU with `shader-f16`, CUDA). All weights are then float16. Inputs and outputs stay
   * float32 with one Cast each, and sums over the whole image stay float32. A weight beyond ±65504 is an error. Maps
   * must stay within that range, as those of normalized networks do. Run `foldBatchNorm` first. The model's metadata
   * get the entry `compute: 'float16'`, so that a runtime can plan its memory.
   */
  readonly compute?: ComputeType
  /**
   * How weights with at least two axes and 4096 values are stored; `float32` by default. Leave it out with
   * `compute: 'float16'`, which stores all weights in float16. The network computes in float32 with any precision, unless
   * the runtime fuses an int8 matrix with its product, as ONNX Runtime does.
   *
   * - `float16`: rounded to nearest, followed by a Cast. A value beyond ±65504 is an error.
   * - `int8`: symmetric, with one scale per output (row of a matrix, filter of a convolution), followed by a
   *   DequantizeLinear.
   */
  readonly precision?: WeightPrecision
}

/**
 * Encodes a graph as an ONNX model (opset 17). Batch, height and width stay dynamic.
 *
 * @throws InverseFormError `invalid-argument` when `precision` does not fit `compute`, `limit-exceeded` for a model
 * beyond 2 GiB; `write` throws `limit-exceeded` for a weight that the precision cannot hold
 */
export function encodeOnnx(graph: Graph, options: EncodeOnnxOptions = {}): EncodedModel {
  const { compute = 'float32' } = options
  checkQuantized(graph, compute)
  const precision = storedPrecision(compute, options.precision)
  const weights = options.weightFile === undefined ? undefined : new WeightFile(options.weightFile)
  const proto = new GraphEncoder(graph, new WeightStore(precision, weights), compute).encode()
  const metadata = { ...options.metadata, ...(compute === 'float16' && { compute }) }
  const { byteLength, chunks } = modelProto(proto, 'inverseform', ONNX_OPSET, metadata)
  if (byteLength > MAX_MODEL_BYTES) {
    throw new InverseFormError(
      'limit-exceeded',
      `The ONNX model would have ${byteLength} bytes; the format allows at most 2 GiB.`,
      { hint: 'Pass `weightFile` to keep the weights in a separate file.' },
    )
  }
  return { byteLength, write: (sink) => writeChunks(chunks, sink), weights }
}

/** @throws InverseFormError `invalid-argument` for a graph of rounded maps that shall compute in float16 */
function checkQuantized(graph: Graph, compute: ComputeType): void {
  if (compute === 'float32' || !topologicalOrder(graph).some(({ op }) => op === 'quantize')) return
  throw new InverseFormError(
    'invalid-argument',
    '`compute` is "float16" for a graph in int8; it must be "float32", whose parts outside of int8 stay accurate.',
    { hint: 'Leave `compute` out, or pass `withoutQuantization(graph)`.', details: { compute } },
  )
}

interface NodeSpec {
  readonly type: string
  readonly name: string
  readonly inputs: readonly string[]
  readonly attributes: Readonly<Record<string, OnnxAttribute>>
}

class GraphEncoder implements OnnxEmitter {
  readonly #nodes: NodeSpec[] = []
  readonly #names = new Map<Value, string>()
  /** The type of each named value. */
  readonly #types = new Map<Value, ComputeType>()
  /** Names of size computations and small constants, which are emitted once each. */
  readonly #shared = new Map<string, string>()
  /** Outputs of nodes beyond the first. */
  readonly #moreOutputs = new Map<string, readonly string[]>()
  /** The module of the operator that is being emitted, as in the checkpoint. */
  #scope = ''

  readonly #graph: Graph
  readonly #weights: WeightStore
  readonly #compute: ComputeType

  constructor(graph: Graph, weights: WeightStore, compute: ComputeType) {
    this.#graph = graph
    this.#weights = weights
    this.#compute = compute
  }

  encode(): Message {
    const inputs: Message[] = []
    for (const value of writingOrder(this.#graph)) {
      if (value.op === 'input') {
        this.#names.set(value, value.attributes.name)
        this.#types.set(value, 'float32')
        inputs.push(valueInfoProto(value.attributes.name, value.shape))
      } else if (value.op !== 'constant') {
        this.#scope = scopeOf(value)
        const type = this.#typeOf(value)
        this.#types.set(value, type)
        const name = this.#quantizedWeight(value) ?? this.#compactLinear(value) ?? this.#castProduct(value)
        const inputNames = () => value.inputs.map((input) => this.#nameOf(input, type))
        this.#names.set(value, name ?? emitOnnx(this, value, inputNames()))
      }
    }
    this.#scope = ''
    const nodes = this.#renamedToOutputs()
    const message = new Message().string(2, 'inverseform')
    for (const node of nodes) {
      message.message(1, nodeProto(node.type, node.name, node.inputs, node.outputs, node.attributes))
    }
    for (const initializer of this.#weights.initializers) message.message(5, initializer)
    for (const info of inputs) message.message(11, info)
    for (const [name, { shape }] of Object.entries(this.#graph.outputs)) {
      message.message(12, valueInfoProto(name, shape))
    }
    return message
  }

  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string {
    const name = `${this.#scope}${type}_${this.#nodes.length}`
    this.#nodes.push({ type, name, inputs, attributes })
    return name
  }

  sharedNode(
    type: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): readonly string[] {
    const names = this.#once(`${type} ${inputs} ${JSON.stringify(attributes)}`, () => {
      const name = this.node(type, inputs, attributes)
      const more = Array.from({ length: outputs - 1 }, (_, i) => `${name}_${i + 1}`)
      this.#moreOutputs.set(name, more)
      return name
    })
    return [names, ...(this.#moreOutputs.get(names) ?? [])]
  }

  asInt64(tensor: string): string {
    return this.#once(`int64 of ${tensor}`, () => this.node('Cast', [tensor], castTo('int64')))
  }

  float(value: number): string {
    return this.#once(`float ${value}`, () => {
      const name = `float_${value}`
      const raw = new Uint8Array(Float32Array.of(value).buffer)
      this.#weights.initializers.push(tensorProto(name, [], 'float32', raw))
      return name
    })
  }

  uint8(value: number): string {
    return this.#once(`uint8 ${value}`, () => {
      const name = `uint8_${value}`
      this.#weights.initializers.push(tensorProto(name, [], 'uint8', Uint8Array.of(value)))
      return name
    })
  }

  int64(values: readonly number[]): string {
    return this.#once(`int64 ${values}`, () => {
      const name = `int64_${values.join('_')}`
      const raw = new Uint8Array(BigInt64Array.from(values, BigInt).buffer)
      this.#weights.initializers.push(tensorProto(name, [values.length], 'int64', raw))
      return name
    })
  }

  sizes(tensor: string, start: number, end?: number): string {
    const attributes: Record<string, number> = end === undefined ? { start } : { start, end }
    return this.#once(`sizes ${tensor} ${start} ${end}`, () => this.node('Shape', [tensor], attributes))
  }

  #once(key: string, make: () => string): string {
    const made = this.#shared.get(key) ?? make()
    this.#shared.set(key, made)
    return made
  }

  #typeOf(value: Value): ComputeType {
    if (this.#compute === 'float32') return 'float32'
    return computeTypeOf(value, this.#types.get(value.inputs[0]) ?? 'float16')
  }

  /** Returns the name of a value in a type. Emits a weight, and casts, when they are first used. */
  #nameOf(value: Value, type: ComputeType = 'float32'): string {
    const name = this.#names.get(value) ?? this.#weight(value as Constant)
    this.#names.set(value, name)
    if ((this.#types.get(value) ?? this.#compute) === type) return name
    return this.#once(`${type} ${name}`, () => this.node('Cast', [name], castTo(type)))
  }

  /** Names each node's output after the node, but the graph's outputs after themselves. */
  #renamedToOutputs(): (NodeSpec & { readonly outputs: readonly string[] })[] {
    const renamed = new Map<string, string>()
    for (const [name, value] of Object.entries(this.#graph.outputs)) {
      const isNode = value.op !== 'input' && value.op !== 'constant'
      if (isNode && !renamed.has(this.#nameOf(value))) renamed.set(this.#nameOf(value), name)
      else this.#nodes.push({ type: 'Identity', name, inputs: [this.#nameOf(value)], attributes: {} })
    }
    const rename = (name: string) => renamed.get(name) ?? name
    return this.#nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: [rename(node.name), ...(this.#moreOutputs.get(node.name) ?? [])],
    }))
  }

  #weight(weight: Constant): string {
    if (this.#compute === 'float16') return this.#weights.float16(weight)
    const precision = this.#weights.precisionOf(weight)
    if (precision === 'float32') return this.#weights.float32(weight)
    if (precision === 'float16') return this.node('Cast', [this.#weights.float16(weight)], castTo('float32'))
    return this.node('DequantizeLinear', this.#weights.int8(weight), { axis: 0 })
  }

  /** Emits the codes of a weight that a convolution multiplies as they are; undefined for other values. */
  #quantizedWeight(value: Value): string | undefined {
    const [weight] = value.inputs
    if (value.op !== 'quantizeWeight' || weight.op !== 'constant') return undefined
    return this.node('DequantizeLinear', this.#weights.int8(weight, { limit: CONVOLUTION_CODES }), {
      axis: 0,
    })
  }

  /** Emits a linear layer whose weight a runtime need not hold whole in float32; undefined for other values. */
  #compactLinear(value: Value): string | undefined {
    if (this.#compute === 'float16' || value.op !== 'linear' || value.inputs[1].op !== 'constant') {
      return undefined
    }
    const weight = value.inputs[1]
    const precision = this.#weights.precisionOf(weight)
    const [outputs, inputs] = weight.shape as readonly [number, number]
    const [x, bias] = [value.inputs[0], value.inputs[2]].map((input) => this.#nameOf(input))
    if (precision === 'int8') {
      // ONNX Runtime has a kernel for int8 codes [inputs, outputs] with one scale per column, not for their transpose.
      // The separate Add keeps the Gemm from being fused with its bias and activation, which would hide the pattern.
      const matrix = this.node('DequantizeLinear', this.#weights.int8(weight, { transpose: true }), {
        axis: 1,
      })
      return this.node('Add', [this.node('Gemm', [x, matrix]), bias])
    }
    const rows = Math.max(1, Math.floor(MAX_CAST_BYTES / (4 * inputs)))
    if (precision === 'float32' || rows >= outputs) return undefined
    const stored = this.#weights.float16(weight)
    const products: string[] = []
    for (let start = 0; start < outputs; start += rows) {
      const block = this.#castRows(stored, start, Math.min(start + rows, outputs), 0)
      products.push(this.node('Gemm', [x, block], { transB: 1 }))
    }
    return this.node('Add', [this.node('Concat', products, { axis: 1 }), bias])
  }

  /**
   * Emits a float32 product of a float16 matrix in two halves of its rows. The cast rows then need no more bytes than
   * the matrix, which may be the largest value of the network.
   */
  #castProduct(value: Value): string | undefined {
    const [a, b] = value.inputs
    const [axis, rows] = [value.shape.length - 2, value.shape.at(-2)]
    const isCast =
      value.op === 'matmul' && this.#types.get(value) === 'float32' && this.#types.get(a) === 'float16'
    if (!isCast || typeof rows !== 'number' || rows === 1) return undefined
    const middle = rows >> 1
    const products = [[0, middle] as const, [middle, rows] as const].map(([start, end]) => {
      const block = this.#castRows(this.#nameOf(a, 'float16'), start, end, axis)
      return this.node('MatMul', [block, this.#nameOf(b)])
    })
    return this.node('Concat', products, { axis })
  }

  /** Emits a slice of a float16 tensor along an axis, cast to float32. */
  #castRows(tensor: string, start: number, end: number, axis: number): string {
    const range = [[start], [end], [axis]].map((values) => this.int64(values))
    return this.node('Cast', [this.node('Slice', [tensor, ...range])], castTo('float32'))
  }
}

/** Returns the module of an operator's weight, such as `backbone.layer1.0.conv1/`; empty without a weight. */
function scopeOf(value: Value): string {
  const weight = value.inputs.find((input) => input.op === 'constant')
  return weight ? `${weight.attributes.name.replace(/\.[^.]*$/, '')}/` : ''
}
