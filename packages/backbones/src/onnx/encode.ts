import { InverseFormError } from '@inverseform/errors'
import { formatShape } from '../graph/dim.js'
import { emitOnnx } from '../graph/operators/index.js'
import type { OnnxAttribute, OnnxEmitter } from '../graph/operators/operator.js'
import { type Graph, topologicalOrder, type Value, type ValueOf } from '../graph/value.js'
import type { ByteSink } from '../io/index.js'
import { Message, writeChunks } from './message.js'
import { modelProto, nodeProto, tensorProto, valueInfoProto } from './schema.js'
import { WeightFile } from './weight-file.js'

/** The operator set that graphs are written in: the newest that all of the runtimes' providers cover. */
export const ONNX_OPSET = 17

/** Protocol Buffers messages end here. */
const MAX_MODEL_BYTES = 2 ** 31 - 1

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
}

/**
 * Encodes a graph as an ONNX model (opset 17). Batch, height and width stay dynamic.
 * @throws `limit-exceeded` when the model would pass 2 GiB.
 */
export function encodeOnnx(graph: Graph, options: EncodeOnnxOptions = {}): EncodedModel {
  const weights = options.weightFile === undefined ? undefined : new WeightFile(options.weightFile)
  const proto = new GraphEncoder(graph, weights).encode()
  const { byteLength, chunks } = modelProto(proto, 'inverseform', ONNX_OPSET, options.metadata ?? {})
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
  private readonly initializers: Message[] = []
  private readonly names = new Map<Value, string>()
  /** Size computations and small constants are made once, however often they are asked for. */
  private readonly shared = new Map<string, string>()
  private readonly weightNames = new Set<string>()
  /** Names of the module whose operator is being written, as in the checkpoint. */
  private scope = ''

  constructor(
    private readonly graph: Graph,
    private readonly weightFile: WeightFile | undefined,
  ) {}

  encode(): Message {
    const inputs: Message[] = []
    for (const value of topologicalOrder(this.graph)) {
      if (value.op === 'input') {
        this.names.set(value, value.attributes.name)
        inputs.push(valueInfoProto(value.attributes.name, value.shape))
      } else if (value.op === 'constant') {
        this.names.set(value, this.weight(value))
      } else {
        this.scope = scopeOf(value)
        this.names.set(value, emitOnnx(this, value, value.inputs.map(this.nameOf)))
      }
    }
    const message = new Message().string(2, 'inverseform')
    for (const node of this.renamedToOutputs()) {
      message.message(1, nodeProto(node.type, node.name, node.inputs, node.output, node.attributes))
    }
    for (const initializer of this.initializers) message.message(5, initializer)
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
      this.initializers.push(tensorProto(name, [values.length], 'int64', raw))
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

  private readonly nameOf = (value: Value): string => this.names.get(value) as string

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

  private weight({ attributes, shape }: ValueOf<'constant'>): string {
    const dims = shape as readonly number[]
    const elements = dims.reduce((product, dim) => product * dim, 1)
    // Two weights may carry one name once passes have cut or merged them.
    const name = this.weightNames.has(attributes.name)
      ? `${attributes.name}#${this.weightNames.size}`
      : attributes.name
    this.weightNames.add(name)
    async function load(): Promise<Uint8Array> {
      const data = await attributes.load()
      if (data.length !== elements) {
        throw new InverseFormError(
          'size-mismatch',
          `The weight ${attributes.name} has ${data.length} values for the shape ${formatShape(shape)}.`,
          { hint: "Let the weight's load() give as many values as its shape has elements." },
        )
      }
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    }
    const bytes = { byteLength: elements * 4, load }
    this.initializers.push(tensorProto(name, dims, 'float32', this.weightFile?.add(bytes) ?? bytes))
    return name
  }
}

/** `backbone.layer1.0.conv1/` for an operator with that module's weight, nothing for one without. */
function scopeOf(value: Value): string {
  const weight = value.inputs.find((input) => input.op === 'constant')
  return weight ? `${weight.attributes.name.replace(/\.[^.]*$/, '')}/` : ''
}
