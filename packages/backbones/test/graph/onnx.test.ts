import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { product } from '@inverseform/shared'
import { deterministicSource, expectClose, imageTensor, inferenceCheckpoint } from '@inverseform/testing'
import * as ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { constant, conv2d, type Graph, imageInput, relu } from '../../src/graph/index.js'
import { buildModel, loadModel, memorySink, type SegmentationModelName, zoo } from '../../src/index.js'
import { encodeOnnx, ONNX_OPSET, type Writable } from '../../src/onnx/index.js'
import { type Message, messages, numbers, parseMessage, strings } from '../support/protobuf.js'
import { onnxBytes, runGraph, startGraph } from '../support/session.js'

async function bytesOf(writable: Writable): Promise<Uint8Array> {
  const sink = memorySink(writable.byteLength)
  await writable.write(sink)
  return sink.finish()
}

// Field numbers of onnx.proto.
const graphOf = (model: Message) => messages(model, 7)[0]
const initializersOf = (graph: Message) =>
  messages(graph, 5).map((tensor) => ({
    name: strings(tensor, 8)[0],
    dims: numbers(tensor, 1),
    type: numbers(tensor, 2)[0],
    raw: tensor.get(9)?.[0] as Uint8Array | undefined,
    external: Object.fromEntries(
      messages(tensor, 13).map((entry) => [strings(entry, 1)[0], strings(entry, 2)[0]]),
    ),
  }))
function valueInfos(graph: Message, field: 11 | 12) {
  return messages(graph, field).map((info) => {
    const [tensorType] = messages(messages(info, 2)[0], 1)
    const dims = messages(messages(tensorType, 2)[0], 1).map(
      (dim) => strings(dim, 2)[0] ?? numbers(dim, 1)[0],
    )
    return { name: strings(info, 1)[0], type: numbers(tensorType, 1)[0], dims }
  })
}

const model = (name: SegmentationModelName = 'hrnet18') =>
  loadModel(inferenceCheckpoint(name, { edgeHead: true }), { edgeHead: true }).graph

describe('the bytes', () => {
  test('say what they are', async () => {
    const encoded = encodeOnnx(model(), { metadata: { model: 'hrnet18', straße: 'Kö' } })
    const parsed = parseMessage(await bytesOf(encoded))
    expect(numbers(parsed, 1)).toEqual([8])
    expect(strings(parsed, 2)).toEqual(['inverseform'])
    expect(messages(parsed, 8).map((set) => [strings(set, 1), numbers(set, 2)])).toEqual([
      [[''], [ONNX_OPSET]],
    ])
    expect(ONNX_OPSET).toBe(17)
    expect(messages(parsed, 14).map((entry) => [strings(entry, 1)[0], strings(entry, 2)[0]])).toEqual([
      ['model', 'hrnet18'],
      ['straße', 'Kö'],
    ])
  })

  test('keep batch, height and width open', async () => {
    const graph = graphOf(parseMessage(await onnxBytes(model())))
    const [height, width] = ['floor((H + 3) / 4)', 'floor((W + 3) / 4)']
    expect(valueInfos(graph, 11)).toEqual([{ name: 'image', type: 1, dims: ['N', 3, 'H', 'W'] }])
    expect(valueInfos(graph, 12)).toEqual([
      { name: 'logits', type: 1, dims: ['N', 19, height, width] },
      { name: 'edge', type: 1, dims: ['N', 1, height, width] },
    ])
  })

  test.each(Object.keys(zoo) as SegmentationModelName[])(
    'of %s name everything once and before its use',
    async (name) => {
      const zeros = (parameter: string, shape: readonly number[]) =>
        constant(parameter, shape, async () => new Float32Array(product(shape)))
      const encoded = encodeOnnx(buildModel(name, { parameters: zeros, edgeHead: true }), {
        weightFile: 'w.bin',
      })
      const graph = graphOf(parseMessage(await bytesOf(encoded)))
      const made = [...initializersOf(graph), ...valueInfos(graph, 11)].map((value) => value.name)
      for (const node of messages(graph, 1)) {
        for (const read of strings(node, 1)) if (read !== '') expect(made).toContain(read)
        made.push(...strings(node, 2))
      }
      expect(new Set(made).size).toBe(made.length)
      for (const output of valueInfos(graph, 12)) expect(made).toContain(output.name)
      const names = messages(graph, 1).map((node) => strings(node, 3)[0])
      expect(new Set(names).size).toBe(names.length)
    },
  )
})

describe('weights', () => {
  test('are the checkpoint’s, to the bit, where no pass touches them', async () => {
    const graph = graphOf(
      parseMessage(await onnxBytes(buildModel('hrnet18', { parameters: deterministicSource() }))),
    )
    const parameters = deterministicSource()
    const floats = initializersOf(graph).filter(({ type }) => type === 1)
    expect(floats.length).toBeGreaterThan(700)
    for (const { name, dims, raw } of floats) {
      const expected = parameters(name, dims)
      if (expected.op !== 'constant' || !raw) throw new Error(name)
      const values = await expected.attributes.load()
      expect(Buffer.from(values.buffer).equals(raw), name).toBe(true)
    }
  })

  test('may lie in a file of their own', async () => {
    const encoded = encodeOnnx(model(), { weightFile: 'weights.bin' })
    const bytes = await bytesOf(encoded)
    const weights = await bytesOf(encoded.weights as Writable)
    let end = 0
    for (const { name, dims, raw, external } of initializersOf(graphOf(parseMessage(bytes)))) {
      if (raw) continue
      expect(external.location).toBe('weights.bin')
      expect(Number(external.length), name).toBe(4 * product(dims))
      expect(Number(external.offset) % 64).toBe(0)
      expect(Number(external.offset)).toBeGreaterThanOrEqual(end)
      end = Number(external.offset) + Number(external.length)
    }
    expect(end).toBe(weights.byteLength)
    expect(bytes.byteLength).toBeLessThan(weights.byteLength / 10)

    const folder = await mkdtemp(join(tmpdir(), 'inverseform-test-'))
    try {
      await writeFile(join(folder, 'model.onnx'), bytes)
      await writeFile(join(folder, 'weights.bin'), weights)
      const session = await ort.InferenceSession.create(join(folder, 'model.onnx'))
      const image = imageTensor('images', 32, 64)
      const outputs = await session.run({ image: new ort.Tensor('float32', image.data, image.shape) })
      const expected = await runGraph(model(), { image })
      for (const name of ['logits', 'edge']) {
        expectClose(
          { data: outputs[name].data as Float32Array, shape: outputs[name].dims },
          expected[name],
          1e-6,
        )
      }
      await session.release()
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('of the wrong length are refused by name', async () => {
    const weight = constant('head.weight', [4, 3, 1, 1], async () => new Float32Array(11))
    const graph = { outputs: { y: conv2d(imageInput('image', 3), weight) } }
    await expect(onnxBytes(graph)).rejects.toThrow(
      'The weight head.weight has 11 values for the shape [4, 3, 1, 1].',
    )
  })

  test('beyond 2 GiB need a file of their own', async () => {
    const weight = constant('w.weight', [2 ** 15, 2 ** 14, 1, 1], () => Promise.reject(new Error('read')))
    const graph = { outputs: { y: conv2d(imageInput('image', 2 ** 14), weight) } }
    expect(() => encodeOnnx(graph)).toThrow(expect.objectContaining({ code: 'limit-exceeded' }))
    const { byteLength, weights } = encodeOnnx(graph, { weightFile: 'w.bin' })
    expect(byteLength).toBeLessThan(1000)
    expect(weights?.byteLength).toBe(2 ** 31)
  })
})

describe('running', () => {
  test('a batch of three gives three batches of one', async () => {
    await using network = await startGraph(model('hrnet16-slim'))
    const images = ['a', 'b', 'c'].map((name) => imageTensor(name, 40, 72))
    const joined = new Float32Array(3 * 3 * 40 * 72)
    images.forEach(({ data }, i) => {
      joined.set(data, i * data.length)
    })
    const together = await network.run({ image: { data: joined, shape: [3, 3, 40, 72] } })
    for (const [i, image] of images.entries()) {
      const alone = await network.run({ image })
      for (const [name, { data, shape }] of Object.entries(alone)) {
        const part = together[name].data.subarray(i * data.length, (i + 1) * data.length)
        expectClose({ data: part, shape }, { data, shape }, 1e-6)
      }
    }
  })

  test('one value may be several outputs, an input may be one', async () => {
    const image = imageInput('image', 3)
    const graph: Graph = { outputs: { a: relu(image), same: image } }
    const twice: Graph = { outputs: { ...graph.outputs, b: graph.outputs.a } }
    const input = imageTensor('x', 4, 5)
    const { a, b, same } = await runGraph(twice, { image: input })
    expect(a).toEqual({ ...input, data: input.data.map((x) => Math.max(0, x)) })
    expect(b).toEqual(a)
    expect(same).toEqual(input)
  })
})
