import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openCheckpoint, openModel } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import { encodeOnnx } from '@inverseform/backbones/onnx'
import { decodeLabelPng } from '@inverseform/cityscapes'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { beforeAll, describe, expect, test } from 'vitest'
import { exitCodes } from '../src/exit-codes.js'
import { checkpoint, dataset, inverseform, temporaryFolder } from './command-line.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inverseform-test-'))
  return () => rm(folder, { recursive: true })
})

interface Converted {
  readonly path: string
  readonly err: string
}

const known = new Map<string, Promise<Converted>>()

/** Converts the demo checkpoint to ONNX, once for all tests, which must not change the file. */
function converted(...flags: string[]): Promise<Converted> {
  const work = async () => {
    const path = join(folder, `${flags.join('')}.onnx`)
    const { exitCode, err } = await inverseform('convert', checkpoint, '-o', path, ...flags)
    expect(exitCode, err).toBe(0)
    return { path, err }
  }
  const found = known.get(flags.join()) ?? work()
  known.set(flags.join(), found)
  return found
}

test('writes ONNX for any runtime, with outputs at the size of the image', async () => {
  const { path, err } = await converted('--edge-head')
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

test('inspect shows an ONNX file', async () => {
  const { path } = await converted()
  const shown = await inverseform('inspect', path)
  expect(shown.exitCode).toBe(0)
  expect(shown.out).toMatch(/^input +image +float32 +\[N, 3, H, W\]$/m)
  expect(shown.out).toMatch(/^output +logits +float32 +\[N, 19, H, W\]$/m)
  expect(shown.out).toContain('written by inverseform, opset 17; model: hrnet16-slim')
  const json = JSON.parse((await inverseform('inspect', path, '--json')).out)
  expect(json).toMatchObject({ format: 'onnx', model: 'hrnet16-slim', inputs: [{ name: 'image' }] })
  expect((await inverseform('inspect', path, '--verify')).exitCode).toBe(exitCodes.usage)
})

describe('float16', () => {
  const image = join(dataset, 'leftImg8bit/val/drawnton/drawnton_000000_000019_leftImg8bit.png')

  async function labelsOf(file: string): Promise<Uint8Array | Uint16Array> {
    const out = await mkdtemp(join(folder, 'labels-'))
    const flags = ['--checkpoint', file, '--outputs', 'labels', '--out', out]
    expect((await inverseform('predict', image, ...flags)).exitCode).toBe(0)
    const [name] = await readdir(out)
    return decodeLabelPng(await readFile(join(out, name))).data
  }

  let expected: Uint8Array | Uint16Array
  beforeAll(async () => {
    expected = await labelsOf(checkpoint)
  })

  test.each(['--precision', '--compute'])(
    '%s halves the file, which every command opens, and gives nearly the same labels',
    async (flag) => {
      const { path, err } = await converted(flag, 'float16')
      expect(err).toContain('weights in float16')
      expect((await stat(path)).size).toBeLessThan(0.55 * (await stat(checkpoint)).size)
      expect((await inverseform('inspect', path)).out).toMatch(/^backbone\.conv2\.weight +float16 /m)
      await using source = await fileSource(path)
      expect(await openModel(source)).toMatchObject({ model: 'hrnet16-slim', numClasses: 19 })
      const evaluation = ['--data', dataset, '--limit', '1', '--checkpoint', path]
      expect((await inverseform('eval', ...evaluation)).exitCode).toBe(0)

      const labels = await labelsOf(path)
      const equal = Array.from(expected).filter((label, i) => label === labels[i]).length
      expect(equal / expected.length).toBeGreaterThan(0.999)
      expect(new Set(labels).size).toBeGreaterThan(5)
    },
  )

  test('--compute also makes other runtimes compute in it', async () => {
    const casts = async (flag: string) => {
      const { path } = await converted(flag, 'float16')
      const session = await InferenceSession.create(path)
      const input = new Tensor('float32', new Float32Array(3 * 32 * 64), [1, 3, 32, 64])
      expect((await session.run({ image: input })).logits.type).toBe('float32')
      return JSON.parse((await inverseform('inspect', path, '--json')).out)
    }
    const bias = { name: 'backbone.conv1.folded_bias', dtype: 'float16' }
    const computed = await casts('--compute')
    expect(computed.metadata).toMatchObject({ compute: 'float16' })
    expect(computed.tensors).toContainEqual(expect.objectContaining(bias))
    const stored = await casts('--precision')
    expect(stored.metadata).not.toHaveProperty('compute')
    expect(stored.tensors).not.toContainEqual(expect.objectContaining(bias))
  })

  test('contradicting types are refused', async () => {
    const flags = ['--compute', 'float16', '--precision', 'float32']
    const { exitCode, err } = await inverseform('convert', checkpoint, '-o', 'model.onnx', ...flags)
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toMatch(/^hint: Omit --precision float32 or --compute float16\.$/m)
  })

  test.each(['--precision', '--compute'])('%s is refused for safetensors', async (flag) => {
    const { exitCode, err } = await inverseform('convert', checkpoint, '-o', 'a.safetensors', flag, 'float16')
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toContain(`${flag} needs an .onnx file`)
  })
})

describe('int8', () => {
  const photos = join(dataset, 'leftImg8bit')
  const int8 = ['--precision', 'int8', '--calibrate', photos]

  test('gives a quarter of the file, which every command opens, and nearly the same scores', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'int8.onnx')
    const { exitCode, err } = await inverseform('convert', checkpoint, '-o', path, '--edge-head', ...int8)
    expect(exitCode, err).toBe(0)
    expect(err).toContain('logits, edge, in int8')
    const shown = JSON.parse((await inverseform('inspect', path, '--json')).out)
    expect(shown).toMatchObject({ model: 'hrnet16-slim', metadata: { precision: 'int8' } })
    expect((await stat(path)).size).toBeLessThan(0.3 * (await stat(checkpoint)).size)

    const meanIou = async (file: string) => {
      const flags = ['--data', dataset, '--edge-head', '--json', '--device', 'cpu']
      return JSON.parse((await inverseform('eval', '--checkpoint', file, ...flags)).out).scores.meanIou
    }
    const [before, after] = [await meanIou(checkpoint), await meanIou(path)]
    expect(before).toBeGreaterThan(0.4)
    expect(Math.abs(after - before)).toBeLessThan(0.006)
    expect(after).not.toBe(before)

    const again = join(folder, 'again.onnx')
    await inverseform('convert', path, '-o', again)
    expect(Buffer.compare(await readFile(again), await readFile(path))).toBe(0)
    const back = join(folder, 'back.onnx')
    await inverseform('convert', path, '-o', back, '--precision', 'float32')
    const { metadata, tensors } = JSON.parse((await inverseform('inspect', back, '--json')).out)
    expect(metadata).not.toHaveProperty('precision')
    const types = tensors.map(({ dtype }: { dtype: string }) => dtype)
    expect(types).toContain('float32')
    expect(types).not.toContain('int8')
    expect(types).not.toContain('uint8')
  })

  test.each([
    [['--precision', 'int8'], /needs --calibrate.*\n.*Pass a folder/],
    [['--calibrate', photos], /only for --precision int8/],
    [[...int8, '--compute', 'float16'], /exclude each other/],
    [['--precision', 'int8', '--calibrate', join(dataset, 'nowhere')], /nowhere is not an image or a folder/],
  ])('%j is refused', async (flags, message) => {
    const path = join(await temporaryFolder(), 'int8.onnx')
    const { exitCode, err } = await inverseform('convert', checkpoint, '-o', path, ...flags)
    expect(exitCode).not.toBe(0)
    expect(err).toMatch(message)
    await expect(stat(path)).rejects.toThrow('ENOENT')
  })

  test('a folder without images is refused', async () => {
    const folder = await temporaryFolder()
    const flags = ['-o', join(folder, 'a.onnx'), '--precision', 'int8', '--calibrate', folder]
    const { exitCode, err } = await inverseform('convert', checkpoint, ...flags)
    expect(exitCode).not.toBe(0)
    expect(err).toContain('has no images')
  })
})

describe('convert of an ONNX file', () => {
  test('of ours changes what is asked for, and keeps the rest', async () => {
    const other = await temporaryFolder()
    const withBytes = async (file: Converted) => ({ ...file, bytes: await readFile(file.path) })
    const convert = async (from: string, name: string, ...flags: string[]) => {
      const path = join(other, name)
      const { exitCode, err } = await inverseform('convert', from, '-o', path, ...flags)
      expect(exitCode, err).toBe(0)
      return withBytes({ path, err })
    }
    const whole = await withBytes(await converted('--edge-head'))
    const again = await convert(whole.path, 'again.onnx')
    expect(Buffer.compare(again.bytes, whole.bytes)).toBe(0)
    expect(again.err).not.toContain('note:')
    const direct = await withBytes(await converted('--edge-head', '--precision', 'float16'))
    const half = await convert(whole.path, 'half.onnx', '--precision', 'float16')
    expect(Buffer.compare(half.bytes, direct.bytes)).toBe(0)
    const small = await withBytes(await converted('--edge-head', '--feature-size'))
    const smaller = await convert(whole.path, 'smaller.onnx', '--feature-size')
    expect(Buffer.compare(smaller.bytes, small.bytes)).toBe(0)
    // The rounded values, in float32.
    const back = await convert(half.path, 'back.onnx')
    expect(back.bytes.byteLength).toBe(whole.bytes.byteLength)
    expect(back.err).toMatch(/^note: The weights were stored in float16\. .* lost\.$/m)
    const twice = await convert(back.path, 'twice.onnx', '--precision', 'float16')
    expect(Buffer.compare(twice.bytes, half.bytes)).toBe(0)
  })

  async function refused(from: string, to: string, ...messages: RegExp[]): Promise<void> {
    const out = join(await temporaryFolder(), to)
    const { exitCode, err } = await inverseform('convert', from, '-o', out)
    expect(exitCode).toBe(exitCodes.checkpoint)
    for (const message of messages) expect(err).toMatch(message)
    await expect(stat(out)).rejects.toThrow()
  }

  test('of another program, of InverseNet, or to safetensors is refused', async () => {
    const other = await temporaryFolder()
    const { path: ours } = await converted()
    const contents = (await readFile(ours)).toString('latin1')
    const write = async (name: string, text: string) => {
      await writeFile(join(other, name), text, 'latin1')
      return join(other, name)
    }
    const foreign = await write('foreign.onnx', contents.replace('inverseform', 'someprogram'))
    await refused(
      foreign,
      'a.onnx',
      /an ONNX model of another program: someprogram, opset 17/,
      /^hint: Accepted/m,
    )
    await refused(
      ours,
      'a.safetensors',
      /ONNX file, which cannot become/,
      /^hint: .* checkpoint that it was made from/m,
    )
    const regressor = encodeOnnx({ outputs: {} }, { metadata: { model: 'inversenet' } })
    const parts: Uint8Array[] = []
    await regressor.write({ write: async (bytes) => void parts.push(bytes.slice()) })
    const inverseNet = await write('inversenet.onnx', Buffer.concat(parts).toString('latin1'))
    await refused(
      inverseNet,
      'a.onnx',
      /ONNX file of InverseNet/,
      /^hint: .*`inverseform convert inversenet/m,
    )
  })
})

describe.each([
  ['inspect', []],
  ['convert', ['-o', 'model.onnx']],
])('%s takes --checkpoint as well as an argument', (command, more) => {
  test('with the same results', async () => {
    const out = command === 'convert' ? ['-o', join(await temporaryFolder(), 'model.onnx')] : []
    const named = await inverseform(command, '--checkpoint', checkpoint, ...out)
    expect(named.exitCode).toBe(0)
    expect(named).toEqual(await inverseform(command, checkpoint, ...out))
  })

  test('but not both, or none', async () => {
    const both = await inverseform(command, 'a.pth', '--checkpoint', 'b.pth', ...more)
    expect(both.exitCode).toBe(exitCodes.usage)
    expect(both.err).toContain('Two checkpoints were given: a.pth, and b.pth as --checkpoint.')
    const none = await inverseform(command, ...more)
    expect(none.exitCode).toBe(exitCodes.usage)
    expect(none.err).toContain(`\`inverseform ${command} --checkpoint hrnet16-slim`)
  })
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
      ['predict', join(dataset, 'leftImg8bit')],
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
