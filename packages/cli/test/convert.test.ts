import { join } from 'node:path'
import { openCheckpoint } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { expect, test } from 'vitest'
import { exitCodes } from '../src/exit-codes.js'
import { checkpoint, inverseform, temporaryFolder } from './command-line.js'

test('writes ONNX for any runtime, with outputs at the size of the image', async () => {
  const path = join(await temporaryFolder(), 'model.onnx')
  const { exitCode, err } = await inverseform('convert', checkpoint, '-o', path, '--edge-head')
  expect(exitCode).toBe(0)
  expect(err).toContain('logits, edge')
  const session = await InferenceSession.create(path)
  const image = new Tensor('float32', new Float32Array(2 * 3 * 48 * 80), [2, 3, 48, 80])
  const { logits, edge } = await session.run({ image })
  expect(logits.dims).toEqual([2, 19, 48, 80])
  expect(edge.dims).toEqual([2, 1, 48, 80])
})

test('writes safetensors with the tensors and metadata of the checkpoint', async () => {
  const path = join(await temporaryFolder(), 'model.safetensors')
  expect((await inverseform('convert', checkpoint, '-o', path)).exitCode).toBe(0)
  await using original = await fileSource(checkpoint)
  await using converted = await fileSource(path)
  const [a, b] = [await openCheckpoint(original), await openCheckpoint(converted)]
  expect([...b.tensors.keys()].sort()).toEqual([...a.tensors.keys()].sort())
  for (const [name, tensor] of a.tensors) {
    const [x, y] = [await tensor.read(), await (b.tensors.get(name) as typeof tensor).read()]
    expect([y.dtype, y.shape]).toEqual([x.dtype, x.shape])
    expect(Buffer.compare(bytesOf(x.data), bytesOf(y.data))).toBe(0)
  }
  expect(b.metadata).toMatchObject({ arch: 'lighthrnet.HRNet16', num_classes: '19' })
  expect((await inverseform('inspect', path)).out).toContain('model: hrnet16-slim')
})

test('inspect and convert refuse an ONNX file of convert', async () => {
  const path = join(await temporaryFolder(), 'model.onnx')
  await inverseform('convert', checkpoint, '-o', path)
  for (const args of [['inspect'], ['convert', '-o', 'again.onnx']]) {
    const { exitCode, err } = await inverseform(...args, path)
    expect(exitCode).toBe(exitCodes.checkpoint)
    expect(err).toMatch(/ONNX model that InverseForm wrote.*\nhint: .* `inverseform predict`/)
  }
})

test('refuses another extension', async () => {
  const { exitCode, err } = await inverseform('convert', checkpoint, '-o', 'model.h5')
  expect(exitCode).toBe(exitCodes.usage)
  expect(err).toContain('.safetensors')
})

test('inspect shows tensors, metadata and the model', async () => {
  const { exitCode, out } = await inverseform('inspect', checkpoint)
  expect(exitCode).toBe(0)
  expect(out).toMatch(/module\.backbone\.conv0\.weight\s+float32\s+\[3, 3, 2, 2\]/)
  expect(out).toContain('arch: "lighthrnet.HRNet16"')
  expect(out).toContain('model: hrnet16-slim')
  const json = JSON.parse((await inverseform('inspect', checkpoint, '--json')).out)
  expect(json).toMatchObject({ format: 'pth-legacy', model: 'hrnet16-slim' })
  expect(json.tensors).toHaveLength(892)
})

test('models lists the published models', async () => {
  const { out } = await inverseform('models')
  for (const words of ['hrnet18', '86.7 / 87.0', 'hr16s_4k_slim.pth', 'inversenet']) {
    expect(out).toContain(words)
  }
  expect(JSON.parse((await inverseform('models', '--json')).out)).toHaveLength(5)
})

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
}
