import type { CheckpointFile } from '../checkpoint/file.js'
import { type Span, WireReader, type WireValue } from './wire.js'

/** The parts of an ONNX model that are read. Its nodes are only counted. */
export interface OnnxContents {
  readonly irVersion: number
  /** The program that wrote the file and its version, such as `pytorch 2.1.0`. */
  readonly producer: string
  readonly opsets: readonly OnnxOpset[]
  readonly metadata: Readonly<Record<string, string>>
  /** Inputs that are not initializers. */
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
  readonly nodes: number
  readonly initializers: readonly Initializer[]
}

/** An operator set. The domain of ONNX's own operators is empty. */
export interface OnnxOpset {
  readonly domain: string
  readonly version: number
}

/** An input or output of a model. */
export interface OnnxValue {
  readonly name: string
  /** The type of a tensor's elements, or `sequence`, `map`, … for other values. */
  readonly dtype: string
  /** Sizes are numbers or names; unknown ones are `?`. Undefined if the file says nothing of the shape. */
  readonly shape?: readonly (number | string)[]
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
const MODEL = { irVersion: 1, producer: 2, producerVersion: 3, graph: 7, opset: 8, metadata: 14 }
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12 }
const TENSOR = { dim: 1, type: 2, name: 8, data: 9, external: 13 }
/** Types of a TypeProto other than a tensor, by field number. */
const otherTypes: Readonly<Record<number, string>> = {
  4: 'sequence',
  5: 'map',
  8: 'sparse tensor',
  9: 'optional',
}
/** Most axes of a tensor. It stops shapes of a million ones. */
const MAX_AXES = 32

/** Element types by TensorProto.DataType, and the bits of each. */
const elementTypes: Readonly<Record<number, readonly [name: string, bits: number]>> = {
  1: ['float32', 32],
  2: ['uint8', 8],
  3: ['int8', 8],
  4: ['uint16', 16],
  5: ['int16', 16],
  6: ['int32', 32],
  7: ['int64', 64],
  8: ['string', 0],
  9: ['bool', 8],
  10: ['float16', 16],
  11: ['float64', 64],
  12: ['uint32', 32],
  13: ['uint64', 64],
  14: ['complex64', 64],
  15: ['complex128', 128],
  16: ['bfloat16', 16],
  17: ['float8_e4m3fn', 8],
  18: ['float8_e4m3fnuz', 8],
  19: ['float8_e5m2', 8],
  20: ['float8_e5m2fnuz', 8],
  21: ['uint4', 4],
  22: ['int4', 4],
  23: ['float4_e2m1fn', 4],
}

/** Returns the name of a TensorProto.DataType and the bits of an element. */
export function elementType(type: number): readonly [name: string, bits: number] {
  return elementTypes[type] ?? [`type ${type}`, 0]
}

/** Reads a model's metadata, signature and the places of its weights. */
export async function readContents(file: CheckpointFile): Promise<OnnxContents> {
  const reader = new WireReader(file)
  const metadata: [string, string][] = []
  const producer = ['', '']
  const opsets: OnnxOpset[] = []
  const [inputs, outputs]: [OnnxValue[], OnnxValue[]] = [[], []]
  const initializers: Initializer[] = []
  let [irVersion, nodes] = [0, 0]
  for await (const { field, value } of reader.fields({ start: 0, end: file.size })) {
    if (field === MODEL.irVersion && typeof value === 'number') irVersion = value
    if (field === MODEL.producer) producer[0] = await reader.text(value)
    if (field === MODEL.producerVersion) producer[1] = await reader.text(value)
    if (field === MODEL.opset) opsets.push(await opset(reader, value))
    if (field === MODEL.metadata) metadata.push(await keyValue(reader, value))
    if (field !== MODEL.graph) continue
    for await (const inner of reader.fields(value)) {
      if (inner.field === GRAPH.node) nodes++
      if (inner.field === GRAPH.input) inputs.push(await valueInfo(reader, inner.value))
      if (inner.field === GRAPH.output) outputs.push(await valueInfo(reader, inner.value))
      if (inner.field === GRAPH.initializer) initializers.push(await tensor(reader, inner.value))
    }
  }
  // Until IR version 4, every initializer was an input as well.
  const names = new Set(initializers.map(({ name }) => name))
  return {
    irVersion,
    producer: producer.filter(Boolean).join(' '),
    opsets,
    metadata: Object.fromEntries(metadata),
    inputs: inputs.filter(({ name }) => !names.has(name)),
    outputs,
    nodes,
    initializers,
  }
}

/** Formats an input or output, such as `image [N, 3, H, W]`. */
export function formatValue({ name, dtype, shape }: OnnxValue): string {
  return `${name} ${shape ? `[${shape.join(', ')}]` : `(${dtype})`}`
}

async function opset(reader: WireReader, message: WireValue): Promise<OnnxOpset> {
  const [domain, version] = [await reader.last(message, 1), await reader.last(message, 2)]
  return { domain: await reader.text(domain), version: typeof version === 'number' ? version : 0 }
}

async function tensor(reader: WireReader, message: WireValue): Promise<Initializer> {
  const shape: number[] = []
  const external: [string, string][] = []
  let [name, type, data]: [string, number, Span] = ['', 0, reader.span(undefined)]
  for await (const { field, value } of reader.fields(message)) {
    // Writers with another version of the schema pack the sizes into one field.
    if (field === TENSOR.dim) shape.push(...(await reader.numbers(value)))
    if (field === TENSOR.type && typeof value === 'number') type = value
    if (field === TENSOR.name) name = await reader.text(value)
    if (field === TENSOR.data) data = reader.span(value)
    if (field === TENSOR.external) external.push(await keyValue(reader, value))
    if (shape.length > MAX_AXES) throw reader.damaged(`a tensor of more than ${MAX_AXES} axes`)
  }
  return { name, shape, type, data, location: new Map(external).get('location') }
}

async function keyValue(reader: WireReader, message: WireValue): Promise<[string, string]> {
  return [await reader.text(await reader.last(message, 1)), await reader.text(await reader.last(message, 2))]
}

/** Reads a ValueInfoProto. */
async function valueInfo(reader: WireReader, message: WireValue): Promise<OnnxValue> {
  const name = await reader.text(await reader.last(message, 1))
  let dtype = 'unknown'
  let shape: (number | string)[] | undefined
  for await (const { field, value } of reader.fields(await reader.last(message, 2))) {
    if (field in otherTypes) dtype = otherTypes[field]
    if (field !== 1) continue
    for await (const inner of reader.fields(value)) {
      if (inner.field === 1 && typeof inner.value === 'number') dtype = elementType(inner.value)[0]
      if (inner.field === 2) shape = await sizes(reader, inner.value)
    }
  }
  return { name, dtype, shape }
}

async function sizes(reader: WireReader, message: WireValue): Promise<(number | string)[]> {
  const found: (number | string)[] = []
  for (const dim of await reader.all(message, 1)) {
    const size = await reader.last(dim, 1)
    found.push(typeof size === 'number' ? size : (await reader.text(await reader.last(dim, 2))) || '?')
  }
  return found
}
