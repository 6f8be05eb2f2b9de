import { formatDim, type Shape } from '../graph/dim.js'
import type { OnnxAttribute } from '../graph/operators/operator.js'
import { type Chunk, Message } from './message.js'
import type { WeightPlace } from './weight-file.js'

// Field numbers and enumerations of onnx.proto (ONNX 1.12, IR version 8).
const dataTypes = { float32: 1, uint8: 2, int8: 3, int64: 7, float16: 10 } as const
const EXTERNAL = 1

export type TensorType = keyof typeof dataTypes

export function tensorProto(
  name: string,
  dims: readonly number[],
  type: TensorType,
  data: Chunk | WeightPlace,
): Message {
  const message = new Message()
  for (const dim of dims) message.int(1, dim)
  message.int(2, dataTypes[type]).string(8, name)
  if (!('location' in data)) return message.bytes(9, data)
  for (const [key, value] of Object.entries(data)) message.message(13, keyValue(key, String(value)))
  return message.int(14, EXTERNAL)
}

function keyValue(key: string, value: string): Message {
  return new Message().string(1, key).string(2, value)
}

export function nodeProto(
  type: string,
  name: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, OnnxAttribute>>,
): Message {
  const message = new Message()
  for (const input of inputs) message.string(1, input)
  for (const output of outputs) message.string(2, output)
  message.string(3, name).string(4, type)
  for (const [key, value] of Object.entries(attributes)) message.message(5, attributeProto(key, value))
  return message
}

function attributeProto(name: string, value: OnnxAttribute): Message {
  const message = new Message().string(1, name)
  if (typeof value === 'number') return message.int(3, value).int(20, 2)
  if (typeof value === 'string') return message.string(4, value).int(20, 3)
  if ('float' in value) return message.float(2, value.float).int(20, 1)
  for (const element of value) message.int(8, element)
  return message.int(20, 7)
}

/** Returns the attribute of a Cast to an element type. */
export const castTo = (type: TensorType) => ({ to: dataTypes[type] })

export function valueInfoProto(name: string, shape: Shape): Message {
  const shapeProto = new Message()
  for (const dim of shape) {
    const dimension = new Message()
    shapeProto.message(
      1,
      typeof dim === 'number' ? dimension.int(1, dim) : dimension.string(2, formatDim(dim)),
    )
  }
  const tensorType = new Message().int(1, dataTypes.float32).message(2, shapeProto)
  return new Message().string(1, name).message(2, new Message().message(1, tensorType))
}

export function modelProto(
  graph: Message,
  producer: string,
  opset: number,
  metadata: Readonly<Record<string, string>>,
): Message {
  const message = new Message()
    .int(1, 8)
    .string(2, producer)
    .message(7, graph)
    .message(8, new Message().string(1, '').int(2, opset))
  for (const [key, value] of Object.entries(metadata)) {
    message.message(14, keyValue(key, value))
  }
  return message
}
