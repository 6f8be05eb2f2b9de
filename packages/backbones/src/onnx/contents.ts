import type { CheckpointFile } from '../checkpoint/file.js'
import { formatDim } from '../graph/dim.js'
import { type Span, WireReader, type WireValue } from './wire.js'

/** The parts of an ONNX model that are read. Its nodes are not. */
export interface OnnxContents {
  readonly metadata: Readonly<Record<string, string>>
  /** The inputs, then the outputs, such as `image [N, 3, H, W]`. */
  readonly declared: readonly string[]
  readonly initializers: readonly Initializer[]
}

/** A TensorProto and the place of its values. */
export interface Initializer {
  readonly name: string
  readonly shape: readonly number[]
  /** TensorProto.DataType */
  readonly type: number
  readonly data: Span
  /** The file that holds the values, if they are external. */
  readonly location?: string
}

// Field numbers of onnx.proto.
const MODEL = { graph: 7, metadata: 14 }
const GRAPH = { initializer: 5, input: 11, output: 12 }
const TENSOR = { dim: 1, type: 2, name: 8, data: 9, external: 13 }
/** Most axes of a tensor. It stops shapes of a million ones. */
const MAX_AXES = 32

/** Reads a model's metadata, signature and the places of its weights. */
export async function readContents(file: CheckpointFile): Promise<OnnxContents> {
  const reader = new WireReader(file)
  const metadata: [string, string][] = []
  const [inputs, outputs]: [string[], string[]] = [[], []]
  const initializers: Initializer[] = []
  for await (const { field, value } of reader.fields({ start: 0, end: file.size })) {
    if (field === MODEL.metadata) metadata.push(await keyValue(reader, value))
    if (field !== MODEL.graph) continue
    for await (const inner of reader.fields(value)) {
      if (inner.field === GRAPH.input) inputs.push(await valueInfo(reader, inner.value))
      if (inner.field === GRAPH.output) outputs.push(await valueInfo(reader, inner.value))
      if (inner.field === GRAPH.initializer) initializers.push(await tensor(reader, inner.value))
    }
  }
  return { metadata: Object.fromEntries(metadata), declared: [...inputs, ...outputs], initializers }
}

async function tensor(reader: WireReader, message: WireValue): Promise<Initializer> {
  const shape: number[] = []
  const external: [string, string][] = []
  let [name, type, data]: [string, number, Span] = ['', 0, reader.span(undefined)]
  for await (const { field, value } of reader.fields(message)) {
    if (field === TENSOR.dim && typeof value === 'number') shape.push(value)
    if (field === TENSOR.type && typeof value === 'number') type = value
    if (field === TENSOR.name) name = await reader.text(value)
    if (field === TENSOR.data) data = reader.span(value)
    if (field === TENSOR.external) external.push(await keyValue(reader, value))
  }
  if (shape.length > MAX_AXES) throw reader.damaged(`a tensor of ${shape.length} axes`)
  return { name, shape, type, data, location: new Map(external).get('location') }
}

async function keyValue(reader: WireReader, message: WireValue): Promise<[string, string]> {
  return [await reader.text(await reader.last(message, 1)), await reader.text(await reader.last(message, 2))]
}

/** Formats a ValueInfoProto, such as `image [N, 3, H, W]`. */
async function valueInfo(reader: WireReader, message: WireValue): Promise<string> {
  const type = await reader.last(await reader.last(message, 2), 1)
  const sizes: string[] = []
  for (const dim of await reader.all(await reader.last(type, 2), 1)) {
    const size = await reader.last(dim, 1)
    sizes.push(typeof size === 'number' ? formatDim(size) : await reader.text(await reader.last(dim, 2)))
  }
  return `${await reader.text(await reader.last(message, 1))} [${sizes.join(', ')}]`
}
