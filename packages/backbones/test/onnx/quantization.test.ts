import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '@inverseform/shared'
import {
  chunksSource,
  imageTensor,
  inferenceCheckpoint,
  onnxBytes,
  randomValues,
  relativeError,
} from '@inverseform/testing'
import * as ort from 'onnxruntime-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type ActivationScale,
  add,
  concat,
  constant,
  conv2d,
  forCpu,
  forWebGpu,
  type Graph,
  imageInput,
  quantizedMaps,
  quantizeMaps,
  relu,
  resizeLike,
  sigmoid,
  topologicalOrder,
  type Value,
  withoutQuantization,
} from '../../src/graph/index.js'
import { bytesSource, loadModel, openModel } from '../../src/index.js'
import { encodeOnnx, onnxMetadata } from '../../src/onnx/index.js'
import { errorOf } from '../checkpoint/support.js'

const random = seededRandom(3)
const weight = (name: string, shape: readonly number[], values?: Float32Array) => {
  const data =
    values ??
    randomValues(
      random,
      shape.reduce((a, b) => a * b),
    )
  return constant(name, shape, async () => data)
}

/** The weight of a 1x1 convolution that copies its channels. */
const identity = (channels: number) =>
  Float32Array.from({ length: channels ** 2 }, (_, i) => (i % (channels + 1) === 0 ? 1 : 0))

async function run(
  graph: Graph,
  { data, shape }: { data: Float32Array; shape: readonly number[] },
  options: ort.InferenceSession.SessionOptions = {},
) {
  const session = await ort.InferenceSession.create(await onnxBytes(graph), options)
  onTestFinished(() => session.release())
  const outputs = await session.run({ image: new ort.Tensor('float32', data, shape) })
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => [name, value.data as Float32Array]),
  )
}

/** Scales for maps within ±limit. */
const within = (limit: number): ActivationScale => ({ scale: Math.fround((2 * limit) / 255), zeroPoint: 128 })
const areEqual = async (a: Graph, b: Graph) => Buffer.compare(await onnxBytes(a), await onnxBytes(b)) === 0
const scalesOf = (graph: Graph, limit: number) => quantizedMaps(graph).map(() => within(limit))

test('a quantized convolution multiplies the codes of its input and of its weight, with one scale per filter', async () => {
  const [channels, filters, height, width] = [4, 5, 9, 11]
  const values = randomValues(random, filters * channels * 9)
  const bias = randomValues(random, filters)
  const image = imageInput('image', channels)
  const input = relu(conv2d(image, weight('copy.weight', [channels, channels, 1, 1], identity(channels))))
  const kernel = weight('conv.weight', [filters, channels, 3, 3], values)
  const middle = relu(conv2d(input, kernel, weight('conv.bias', [filters], bias), { padding: 1 }))
  const y = conv2d(middle, weight('out.weight', [filters, filters, 1, 1], identity(filters)))
  const graph = { outputs: { y } }
  expect(quantizedMaps(graph).map((map) => [input, middle].indexOf(map))).toEqual([0, 1])
  const [before, after] = [
    { scale: Math.fround(0.004), zeroPoint: 0 },
    { scale: Math.fround(0.02), zeroPoint: 3 },
  ]
  const data = randomValues(random, channels * height * width)
  const found = (
    await run(quantizeMaps(graph, [before, after]), { data, shape: [1, channels, height, width] })
  ).y

  const code = (value: number, { scale, zeroPoint }: ActivationScale) =>
    Math.max(0, Math.min(255, Math.round(value / scale) + zeroPoint))
  const codes = data.map((value) => code(Math.max(value, 0), before))
  let different = 0
  for (let filter = 0, at = 0; filter < filters; filter++) {
    const own = values.subarray(filter * channels * 9, (filter + 1) * channels * 9)
    const step = Math.max(...own.map(Math.abs)) / 64
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++, at++) {
        let sum = 0
        own.forEach((w, i) => {
          const [x, yy] = [column + (i % 3) - 1, row + (Math.floor(i / 3) % 3) - 1]
          if (x < 0 || x >= width || yy < 0 || yy >= height) return
          sum += Math.round(w / step) * codes[(Math.floor(i / 9) * height + yy) * width + x]
        })
        const exact = Math.max(0, sum * step * before.scale + bias[filter])
        const expected = code(exact, after) - after.zeroPoint
        const difference = Math.abs(found[at] / after.scale - expected)
        // A sum near the middle of two codes may round to either: the bias has a step of its own.
        expect(difference).toBeLessThan(1.001)
        if (difference > 0.001) different++
      }
    }
  }
  expect(different / found.length).toBeLessThan(0.02)
})

describe('hrnet16-slim', () => {
  const checkpoint = inferenceCheckpoint('hrnet16-slim', { edgeHead: true })
  const loaded = loadModel(checkpoint, { edgeHead: true })
  const { graph } = loaded
  const image = imageTensor('images', 64, 128)

  /** Scales that cover the values of the maps on an image. */
  async function calibrated(): Promise<ActivationScale[]> {
    const maps = quantizedMaps(graph)
    const found = await run({ outputs: Object.fromEntries(maps.map((map, i) => [`map${i}`, map])) }, image)
    return maps.map((_, i) => {
      const [low, high] = [Math.min(0, ...found[`map${i}`]), Math.max(0, ...found[`map${i}`])]
      const scale = Math.fround((high - low) / 255)
      return { scale, zeroPoint: Math.round(-low / scale) }
    })
  }

  test('is in int8 but for its first and its last convolutions, and gives nearly what rounding in float32 gives', async () => {
    const quantized = quantizeMaps(graph, await calibrated())
    const floats = topologicalOrder(quantized).filter(
      ({ op, inputs }) => op === 'conv2d' && inputs[1].op === 'constant',
    )
    const names = floats.map(({ inputs }) => (inputs[1] as Value & { op: 'constant' }).attributes.name)
    expect(names).toEqual(['backbone.conv0.weight', 'hrhead.last_layer.2.weight', 'edgeocr_cls_head.weight'])

    const folder = await mkdtemp(join(tmpdir(), 'inverseform-test-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const optimizedModelFilePath = join(folder, 'optimized.onnx')
    const found = await run(quantized, image, { optimizedModelFilePath, logSeverityLevel: 3 })
    // The field 4 of a node, its operator, is a text of 11 letters.
    const kernels = (await readFile(optimizedModelFilePath, 'latin1')).split('"\u000bQLinearConv').slice(1)
    const convolutions = topologicalOrder(quantized).filter(({ op }) => op === 'conv2d').length
    expect(kernels.length).toBe(convolutions - floats.length)

    // Without optimization, ONNX Runtime rounds and computes in float32.
    const rounded = await run(quantized, image, { graphOptimizationLevel: 'disabled' })
    const exact = await run(graph, image)
    for (const name of ['logits', 'edge']) {
      expect(relativeError(found[name], rounded[name])).toBeLessThan(0.05)
      expect(relativeError(found[name], exact[name])).toBeLessThan(0.15)
      expect(relativeError(found[name], exact[name])).toBeGreaterThan(0)
    }
  })

  test('opens from its file as the same graph, with and without the edge head', async () => {
    const mapScales = scalesOf(graph, 6)
    const quantized = quantizeMaps(graph, mapScales)
    const bytes = await onnxBytes(quantized, { metadata: onnxMetadata({ ...loaded, mapScales }) })
    expect(bytes.length).toBeLessThan(3.6e6)
    const opened = await openModel(bytesSource(bytes, 'int8.onnx'), { edgeHead: true })
    expect(opened.report).toMatchObject({ missing: [], unexpected: [], unused: [] })
    expect(await areEqual(opened.graph, quantized)).toBe(true)
    const without = await openModel(bytesSource(bytes), { outputSize: 'image' })
    expect(Object.keys(without.graph.outputs)).toEqual(['logits'])
  })

  test('has no rounded maps on GPUs, and weights that are multiples of 1/64 of the largest', async () => {
    const quantized = quantizeMaps(graph, scalesOf(graph, 6))
    expect(await areEqual(withoutQuantization(quantized), graph)).toBe(true)
    expect(await areEqual(forWebGpu(quantized), forWebGpu(graph))).toBe(true)
    expect(forCpu(quantized)).toBe(quantized)
    const mapScales = scalesOf(graph, 6)
    const bytes = await onnxBytes(quantized, { metadata: onnxMetadata({ ...loaded, mapScales }) })
    const { graph: opened } = await openModel(chunksSource([bytes]))
    const rounded = topologicalOrder(opened).find(({ op }) => op === 'quantizeWeight')?.inputs[0]
    const values = await (rounded as Value & { op: 'constant' }).attributes.load()
    const first = values.subarray(0, values.length / (rounded?.shape[0] as number))
    const codes = first.map((value) => (64 * value) / Math.max(...first.map(Math.abs)))
    for (const code of codes) expect(Math.abs(code - Math.round(code))).toBeLessThan(1e-4)
  })

  test.each([
    ['0.5:0,0.25:128', /scales of 2 maps, but its network has \d+/],
    ['', /the entry "mapScales".* is ""/],
    ['0.5:256', /mapScales/],
    ['-0.5:0', /mapScales/],
    ['0:0', /mapScales/],
    ['1e-45:0', /mapScales/],
    ['0.5:1:2', /mapScales/],
    ['Infinity:0', /mapScales/],
  ])('is refused with the scales %j', async (mapScales, message) => {
    const metadata = { ...onnxMetadata(loaded), mapScales }
    const bytes = await onnxBytes(quantizeMaps(graph, scalesOf(graph, 6)), { metadata })
    const error = await errorOf(openModel(bytesSource(bytes)))
    expect(error).toMatchObject({ code: 'invalid-checkpoint', message: expect.stringMatching(message) })
  })

  test('cannot compute in float16', () => {
    const quantized = quantizeMaps(graph, scalesOf(graph, 6))
    expect(() => encodeOnnx(quantized, { compute: 'float16' })).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining('int8') }),
    )
  })
})

test('sums, resizes and concatenations between convolutions are quantized; what else reads a map, keeps it as it is', () => {
  const copy = (name: string, x: Value, channels = 3) => conv2d(x, weight(name, [3, channels, 1, 1]))
  const a = copy('a', imageInput('image', 3))
  const b = conv2d(a, weight('b', [3, 3, 2, 2]), undefined, { stride: 2 })
  const resized = resizeLike(b, a)
  const sum = add(a, resized)
  const joined = concat([sum, relu(a)], 1)
  const last = copy('last', joined, 6)
  const gated = sigmoid(copy('gate', a))
  const all = [a, b, resized, sum, joined.inputs[1], joined, last, gated]
  const indices = (graph: Graph) => quantizedMaps(graph).map((map) => all.indexOf(map))
  expect(indices({ outputs: { last, gated } })).toEqual([0, 1, 2, 3, 4, 5])
  // Nothing computes on the codes of a map that only becomes an output.
  expect(indices({ outputs: { last: sum } })).toEqual([0])
})
