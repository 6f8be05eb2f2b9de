import { inferenceCheckpoint, onnxBytes } from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { bytesSource, loadModel, openCheckpoint, openModel } from '../../src/index.js'
import { describeOnnx, isOnnx, onnxMetadata } from '../../src/onnx/index.js'
import { Message } from '../../src/onnx/message.js'
import { tensorProto, valueInfoProto } from '../../src/onnx/schema.js'
import { errorOf, fixture } from '../checkpoint/support.js'

/** A model as other programs write it: IR version 3, where weights are inputs too, and packed sizes. */
function foreign(): Uint8Array {
  const bare = new Message().string(1, 'tokens').message(2, new Message().message(4, new Message()))
  const packed = new Message()
    .bytes(1, Uint8Array.of(2, 0x80, 1))
    .int(2, 7)
    .string(8, 'sizes')
    .message(13, new Message().string(1, 'location').string(2, 'weights.bin'))
  const graph = new Message()
    .message(1, new Message().string(4, 'Conv'))
    .message(1, new Message().string(4, 'Relu'))
    .message(5, tensorProto('w', [4, 3, 1, 1], 'float16', new Uint8Array(24)))
    .message(5, packed)
    .message(11, valueInfoProto('x', [1, 3, 224, 224]))
    .message(11, valueInfoProto('w', [4, 3, 1, 1]))
    .message(12, valueInfoProto('y', [1, 4, 224, 224]))
    .message(12, bare)
  const model = new Message()
    .int(1, 3)
    .string(2, 'pytorch')
    .string(3, '2.1.0')
    .message(7, graph)
    .message(8, new Message().string(1, '').int(2, 13))
    .message(8, new Message().string(1, 'com.microsoft').int(2, 1))
    .message(14, new Message().string(1, 'model').string(2, 'hrnet18'))
  return Buffer.concat(model.chunks as Uint8Array[])
}

const summary =
  'pytorch 2.1.0, opset 13, from "x [1, 3, 224, 224]" to "y [1, 4, 224, 224]", "tokens (sequence)", 2 tensors.'

describe('a model of another program', () => {
  const source = bytesSource(foreign(), 'other.onnx')

  test('is described', async () => {
    expect(await isOnnx(source)).toBe(true)
    expect(await describeOnnx(source)).toEqual({
      producer: 'pytorch 2.1.0',
      irVersion: 3,
      opsets: [
        { domain: '', version: 13 },
        { domain: 'com.microsoft', version: 1 },
      ],
      inputs: [{ name: 'x', dtype: 'float32', shape: [1, 3, 224, 224] }],
      outputs: [
        { name: 'y', dtype: 'float32', shape: [1, 4, 224, 224] },
        { name: 'tokens', dtype: 'sequence', shape: undefined },
      ],
      tensors: [
        { name: 'w', dtype: 'float16', shape: [4, 3, 1, 1], byteLength: 24, location: undefined },
        { name: 'sizes', dtype: 'int64', shape: [2, 128], byteLength: 2048, location: 'weights.bin' },
      ],
      nodes: 2,
      metadata: { model: 'hrnet18' },
      model: undefined,
      description: undefined,
    })
  })

  test('is not opened, and the error says what it is and what is accepted', async () => {
    const opened = await errorOf(openModel(source))
    expect(opened.message).toBe(`other.onnx: this is an ONNX model of another program: ${summary}`)
    expect(opened.hint).toMatch(/^Accepted are ONNX models that `inverseform convert` wrote, and checkpoints/)
    const checkpoint = await errorOf(openCheckpoint(source))
    expect(checkpoint.message).toBe(
      `other.onnx: this is an ONNX model of another program, not a checkpoint: ${summary}`,
    )
    expect(checkpoint.hint).toBe(
      'Accepted are checkpoints (.pth or .safetensors) of hrnet18, hrnet16-slim, ocrnet48, ocrnet48-hms.',
    )
    expect([opened.code, checkpoint.code]).toEqual(['invalid-checkpoint', 'invalid-checkpoint'])
  })
})

test('a model of ours is described with its network', async () => {
  const loaded = loadModel(inferenceCheckpoint('hrnet16-slim'))
  const bytes = await onnxBytes(loaded.graph, { metadata: onnxMetadata(loaded) })
  const file = await describeOnnx(bytesSource(bytes))
  expect(file).toMatchObject({
    producer: 'inverseform',
    opsets: [{ domain: '', version: 17 }],
    inputs: [{ name: 'image', dtype: 'float32', shape: ['N', 3, 'H', 'W'] }],
    model: 'hrnet16-slim',
    description: { model: 'hrnet16-slim', numClasses: 19, edgeHead: false, outputSize: 'features' },
  })
  expect(file.outputs.map(({ name }) => name)).toEqual(['logits'])
  expect(file.tensors).toContainEqual({
    name: 'backbone.conv1.weight',
    dtype: 'float32',
    shape: [64, 3, 3, 3],
    byteLength: 6912,
    location: undefined,
  })
})

test('other files and aborted reading', async () => {
  expect(await isOnnx(bytesSource(fixture('checkpoint.zip.pth')))).toBe(false)
  expect(await isOnnx(bytesSource(new Uint8Array()))).toBe(false)
  const error = await errorOf(describeOnnx(bytesSource(fixture('checkpoint.zip.pth'), 'a.pth')))
  expect(error.message).toBe('a.pth: this is not an ONNX file.')
  const many = new Message()
  for (let i = 0; i < 20_000; i++) many.int(1, 8)
  const signal = AbortSignal.abort(new Error('stopped'))
  const bytes = Buffer.concat(many.chunks as Uint8Array[])
  await expect(
    describeOnnx(bytesSource(Buffer.concat([Uint8Array.of(8, 8, 18, 0), bytes])), { signal }),
  ).rejects.toThrow('stopped')
})
