import { InverseFormError } from '@inverseform/errors'
import { formatShape } from '../graph/dim.js'
import { emitOnnx } from '../graph/operators/index.js'
import type { OnnxAttribute, OnnxEmitter } from '../graph/operators/operator.js'
import { type Graph, topologicalOrder, type Value, type ValueOf } from '../graph/value.js'
import type { ByteSink } from '../io/index.js'
import { Message } from './message.js'
import { modelProto, nodeProto, tensorProto, valueInfoProto } from './schema.js'

/** The operator set that graphs are written in: the newest that all of the runtimes' providers cover. */
export const ONNX_OPSET = 17

/** Protocol Buffers messages end at 2 GiB; larger models would need external data. */
const MAX_MODEL_BYTES = 2 ** 31 - 1

/** A model ready to be written: its size is known, its weights are read while it is written. */
export interface EncodedModel {
  readonly byteLength: number
  write(sink: ByteSink): Promise<void>
}

export interface EncodeOnnxOptions {
  /** Key-value pairs kept in the model's `metadata_props`. */
  readonly metadata?: Readonly<Record<string, string>>
}

/**
 * Encodes a graph as an ONNX model (opset 17). Batch, height and width stay dynamic.
 * @throws `limit-exceeded` when the model would pass 2 GiB.
 */
export function encodeOnnx(graph: Graph, { metadata = {} }: EncodeOnnxOptions = {}): EncodedModel {
  const model = modelProto(new GraphEncoder(graph).encode(), 'inverseform', ONNX_OPSET, metadata)
  const { byteLength, chunks } = model
  if (byteLength > MAX_MODEL_BYTES) {
    throw new InverseFormError(
      'limit-exceeded',
      `the ONNX model would take ${byteLength} bytes; the format ends at 2 GiB`,
    )
  }
  return {
    byteLength,
    async write(sink) {
      for (const chunk of chunks) await sink.write(chunk instanceof Uint8Array ? chunk : await chunk.load())
    },
  }
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

  constructor(private readonly graph: Graph) {}

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
        const found = `${data.length} values for a weight of shape ${formatShape(shape)}`
        throw new InverseFormError('size-mismatch', `${attributes.name}: found ${found}`)
      }
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    }
    this.initializers.push(tensorProto(name, dims, 'float32', { byteLength: elements * 4, load }))
    return name
  }
}

/** `backbone.layer1.0.conv1/` for an operator with that module's weight, nothing for one without. */
function scopeOf(value: Value): string {
  const weight = value.inputs.find((input) => input.op === 'constant')
  return weight ? `${weight.attributes.name.replace(/\.[^.]*$/, '')}/` : ''
}
