import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { exitCodes } from '../src/exit-codes.js'
import { checkpoint, dataset, inverseform, temporaryFolder } from './command-line.js'

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
  expect(b.metadata).toMatchObject({ model: 'hrnet16-slim', num_classes: '19' })
  expect((await inverseform('inspect', path)).out).toContain('model: hrnet16-slim')
})

test('inspect shows an ONNX file, and convert says what it is', async () => {
  const path = join(await temporaryFolder(), 'model.onnx')
  await inverseform('convert', checkpoint, '-o', path)
  const { exitCode, err } = await inverseform('convert', '-o', 'again.onnx', path)
  expect(exitCode).toBe(exitCodes.checkpoint)
  expect(err).toMatch(
    /ONNX model of hrnet16-slim that InverseForm wrote.*opset 17.*\nhint: .* `inverseform predict`/,
  )
  const shown = await inverseform('inspect', path)
  expect(shown.exitCode).toBe(0)
  expect(shown.out).toMatch(/^input +image +float32 +\[N, 3, H, W\]$/m)
  expect(shown.out).toMatch(/^output +logits +float32 +\[N, 19, H, W\]$/m)
  expect(shown.out).toContain('written by inverseform, opset 17; model: hrnet16-slim')
  const json = JSON.parse((await inverseform('inspect', path, '--json')).out)
  expect(json).toMatchObject({ format: 'onnx', model: 'hrnet16-slim', inputs: [{ name: 'image' }] })
  expect((await inverseform('inspect', path, '--verify')).exitCode).toBe(exitCodes.usage)
})

describe('files of training scripts', () => {
  const field = (name: string) =>
    fileURLToPath(new URL(`../../backbones/test/fixtures/field/${name}`, import.meta.url))

  test('inspect shows what is beside the weights', async () => {
    const { exitCode, out } = await inverseform('inspect', field('namespace.zip.pth'))
    expect(exitCode).toBe(0)
    expect(out).toContain('<argparse.Namespace>')
  })

  test('--key chooses one of several state dicts', async () => {
    const file = field('key-ambiguous.zip.pth')
    const ambiguous = await inverseform('inspect', file)
    expect(ambiguous.exitCode).toBe(exitCodes.checkpoint)
    expect(ambiguous.err).toContain('"params_ema" (7 tensors)')
    expect(ambiguous.err).toMatch(/^hint: .*--key/m)
    const wrong = await inverseform('inspect', file, '--key', 'nope')
    expect(wrong.exitCode).toBe(exitCodes.usage)
    expect(wrong.err).toContain('--key must')
    expect(wrong.err).toContain('"params_ema" (7 tensors)')
    expect((await inverseform('inspect', file, '--key', 'params_ema')).exitCode).toBe(0)
    const out = join(await temporaryFolder(), 'chosen.safetensors')
    expect((await inverseform('convert', file, '--key', 'params', '-o', out)).exitCode).toBe(0)
    expect((await inverseform('inspect', out)).out).toContain('7 tensors')
    const flags = ['--checkpoint', file, '--key', 'params']
    for (const args of [
      ['predict', '.'],
      ['eval', '--data', dataset],
    ]) {
      const { err } = await inverseform(...args, ...flags)
      expect(err).toContain('fits no known model')
    }
  })

  test('inspect --verify compares checksums', async () => {
    const file = field('namespace.zip.pth')
    const verified = await inverseform('inspect', file, '--verify')
    expect(verified.exitCode).toBe(0)
    expect(verified.out).toMatch(/9 checksums compared/)
    const bytes = await readFile(file)
    bytes[bytes.indexOf('data/0') + 80] ^= 1
    const damaged = join(await temporaryFolder(), 'damaged.pth')
    await writeFile(damaged, bytes)
    expect((await inverseform('inspect', damaged)).exitCode).toBe(0)
    const { exitCode, err } = await inverseform('inspect', damaged, '--verify')
    expect(exitCode).toBe(exitCodes.checkpoint)
    expect(err).toContain('damaged.pth')
  })
})

test('refuses another extension', async () => {
  const { exitCode, err } = await inverseform('convert', checkpoint, '-o', 'model.h5')
  expect(exitCode).toBe(exitCodes.usage)
  expect(err).toContain('.safetensors')
})

test('inspect shows tensors, metadata and the model', async () => {
  const { exitCode, out } = await inverseform('inspect', checkpoint)
  expect(exitCode).toBe(0)
  expect(out).toMatch(/^backbone\.conv0\.weight\s+float32\s+\[3, 3, 2, 2\]/m)
  expect(out).toContain('model: "hrnet16-slim"')
  expect(out).toContain('model: hrnet16-slim')
  const json = JSON.parse((await inverseform('inspect', checkpoint, '--json')).out)
  expect(json).toMatchObject({ format: 'pth-zip', model: 'hrnet16-slim' })
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
