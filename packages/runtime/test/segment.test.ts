import { buildModel, type SegmentationModelName, zoo } from '@inverseform/backbones'
import { randomInteger, seededRandom } from '@inverseform/shared'
import { deterministicSource, relativeError } from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import {
  arrayEngine,
  type Network,
  normalizeImages,
  type RgbImage,
  type SegmentOutput,
  type SegmentProgress,
  segmentBatch,
  segmentImages,
  segmentTensor,
  type Tensor,
} from '../src/index.js'
import { resizeTensor } from '../src/maps/resize-tensor.js'
import { mirror, plane, resize, valuesOf } from './support/naive.js'

const random = seededRandom(41)
function randomImage(width: number, height: number): RgbImage {
  return {
    width,
    height,
    data: Uint8Array.from({ length: width * height * 3 }, () => randomInteger(random, 0, 255)),
  }
}

/**
 * Returns a fake network. The logit of a class is a mixture of the image's channels, averaged over `stride` x `stride`
 * pixels; so is the edge. No output depends on pixels further away.
 */
function localNetwork(name: SegmentationModelName, options: { edge?: boolean; memoryBudget?: number } = {}) {
  const info = zoo[name]
  const runs: Tensor[] = []
  const mixture = [
    [1, 0.2, -0.3],
    [-0.7, 1, 0.1],
    [0.3, -0.8, 1],
    [0.1, 0.4, 0.3],
  ]
  const average = ({ data, shape: [n, , h, w] }: Tensor, weights: readonly number[][]): Tensor => {
    const [mh, mw] = [Math.ceil(h / info.stride), Math.ceil(w / info.stride)]
    const mixed = new Float32Array(n * weights.length * mh * mw)
    mixed.forEach((_, i) => {
      const [x, row] = [i % mw, Math.floor(i / mw)]
      const [y, map] = [row % mh, Math.floor(row / mh)]
      const [c, image] = [map % weights.length, Math.floor(map / weights.length)]
      let [sum, count] = [0, 0]
      for (let py = y * info.stride; py < Math.min(h, (y + 1) * info.stride); py++) {
        for (let px = x * info.stride; px < Math.min(w, (x + 1) * info.stride); px++, count++) {
          for (let k = 0; k < 3; k++) sum += weights[c][k] * data[((image * 3 + k) * h + py) * w + px]
        }
      }
      mixed[i] = sum / count
    })
    return { data: mixed, shape: [n, weights.length, mh, mw] }
  }
  const graph = buildModel(name, {
    parameters: deterministicSource(),
    numClasses: mixture.length,
    edgeHead: options.edge,
  })
  const network: Network = {
    engine: arrayEngine,
    graph,
    info,
    numClasses: mixture.length,
    memoryBudget: options.memoryBudget ?? Number.POSITIVE_INFINITY,
    session: {
      async run({ image }) {
        runs.push(image)
        const outputs: Record<string, Tensor> = { logits: average(image, mixture) }
        if (options.edge) outputs.edge = average(image, [[0.5, 0.5, -1]])
        return outputs
      },
      async dispose() {},
    },
  }
  return { network, runs }
}

const everything: SegmentOutput[] = ['labels', 'confidence', 'logits', 'edges']

describe('normalizeImages', () => {
  test('returns (value / 255 − mean) / deviation for each channel', () => {
    const images = [randomImage(7, 5), randomImage(7, 5)]
    const { data, shape } = normalizeImages(images)
    expect(shape).toEqual([2, 3, 5, 7])
    const [mean, deviation] = [
      [0.485, 0.456, 0.406],
      [0.229, 0.224, 0.225],
    ]
    const expected = Float64Array.from(data, (_, i) => {
      const [pixel, c, image] = [i % 35, Math.floor(i / 35) % 3, Math.floor(i / 105)]
      return (images[image].data[pixel * 3 + c] / 255 - mean[c]) / deviation[c]
    })
    expect(relativeError(data, expected)).toBeLessThan(1e-7)
  })
})

describe('resizeTensor', () => {
  test('resizes every plane', () => {
    const input = normalizeImages([randomImage(23, 11), randomImage(23, 11)])
    for (const [width, height] of [
      [46, 22],
      [5, 2],
      [1, 1],
      [17, 40],
    ]) {
      const { data, shape } = resizeTensor(input, width, height)
      expect(shape).toEqual([2, 3, height, width])
      for (let p = 0; p < 6; p++) {
        const expected = valuesOf(
          resize(plane(input.data.subarray(p * 253, (p + 1) * 253), 23, 11), width, height),
        )
        const actual = data.subarray(p * width * height, (p + 1) * width * height)
        expect(relativeError(actual, expected)).toBeLessThan(1e-6)
      }
    }
    expect(resizeTensor(input, 23, 11)).toBe(input)
  })
})

describe('segmenting', () => {
  test('returns the outputs that are listed, and no others', async () => {
    const { network } = localNetwork('hrnet18', { edge: true })
    const image = randomImage(40, 24)
    for (const output of everything) {
      const [result] = await segmentBatch(network, [image], { outputs: [output] })
      expect(Object.keys(result).filter((key) => (everything as string[]).includes(key))).toEqual([output])
      expect(result).toMatchObject({ width: 40, height: 24, numClasses: 4, tiles: 1 })
      expect(result[output]).toHaveLength(40 * 24 * (output === 'logits' ? 4 : 1))
    }
    const [all] = await segmentBatch(network, [image], { outputs: everything })
    const [plain] = await segmentBatch(network, [image])
    expect(plain.labels).toEqual(all.labels)
    for (const time of Object.values(plain.timings)) expect(time).toBeGreaterThanOrEqual(0)
  })

  test('returns edges as probabilities, from logits and from probabilities', async () => {
    const image = randomImage(32, 32)
    const { network } = localNetwork('hrnet18', { edge: true })
    const [asLogits] = await segmentBatch(network, [image], { outputs: ['edges'] })
    const info = { ...network.info, edgeOutput: 'probability' } as const
    const [asIs] = await segmentBatch({ ...network, info }, [image], { outputs: ['edges'] })
    const expected = asIs.edges.map((x) => 1 / (1 + Math.exp(-x)))
    expect(relativeError(asLogits.edges, expected)).toBeLessThan(1e-6)
  })

  test('averages with the mirrored image, mirrored back', async () => {
    const { network, runs } = localNetwork('hrnet18', { edge: true })
    const image = randomImage(37, 21)
    const mirrored = { ...image, data: image.data.slice() }
    for (let i = 0; i < image.data.length; i++) {
      const [c, x, y] = [i % 3, Math.floor(i / 3) % 37, Math.floor(i / 111)]
      mirrored.data[i] = image.data[(y * 37 + 36 - x) * 3 + c]
    }
    const outputs: SegmentOutput[] = ['logits', 'edges']
    const [both] = await segmentBatch(network, [image], { outputs, flip: true })
    expect(runs).toHaveLength(2)
    const [one] = await segmentBatch(network, [image], { outputs })
    const [other] = await segmentBatch(network, [mirrored], { outputs })
    const size = 37 * 21
    for (let c = 0; c < 4; c++) {
      const of = ({ logits }: typeof one) => logits!.subarray(c * size, (c + 1) * size)
      const back = valuesOf(mirror(plane(of(other), 37, 21)))
      const expected = of(one).map((x, i) => (x + back[i]) / 2)
      expect(relativeError(of(both), expected)).toBeLessThan(1e-5)
    }
  })

  test('resizes the image by each scale, at least to the smallest size of the network', async () => {
    const { network, runs } = localNetwork('hrnet16-slim')
    await segmentBatch(network, [randomImage(5, 3)], { scales: [0.5, 1, 2] })
    expect(runs.map(({ shape }) => shape)).toEqual([
      [1, 3, 6, 10],
      [1, 3, 3, 5],
      [1, 3, 2, 2],
    ])
  })

  test('accepts normalized tensors instead of bytes', async () => {
    const { network } = localNetwork('hrnet18')
    const images = [randomImage(30, 20), randomImage(30, 20)]
    const fromBytes = await segmentBatch(network, images, { scales: [1, 2] })
    const fromFloats = await segmentTensor(network, normalizeImages(images), { scales: [1, 2] })
    expect(fromFloats.map(({ labels }) => labels)).toEqual(fromBytes.map(({ labels }) => labels))
  })

  test('reports every network run, and stops before the next one when aborted', async () => {
    const { network, runs } = localNetwork('hrnet18')
    const seen: SegmentProgress[] = []
    const options = {
      scales: [1, 0.5],
      flip: true,
      onProgress: (progress: SegmentProgress) => seen.push(progress),
    }
    await segmentBatch(network, [randomImage(20, 20)], options)
    expect(seen).toEqual([1, 2, 3, 4].map((done) => ({ done, total: 4 })))

    const controller = new AbortController()
    runs.length = 0
    const onProgress = () => controller.abort(new Error('enough'))
    const aborted = segmentBatch(network, [randomImage(20, 20)], {
      ...options,
      onProgress,
      signal: controller.signal,
    })
    await expect(aborted).rejects.toThrow('enough')
    expect(runs).toHaveLength(1)
  })

  test.each<[string, object, string]>([
    [
      'an unknown output',
      { outputs: ['depth'] },
      "`outputs[0]` must be one of 'labels', 'confidence', 'logits', 'edges' or 'edgeOutput', got \"depth\".",
    ],
    [
      'outputs that are not a list',
      { outputs: 'labels' },
      '`outputs` must be an array of output names, got "labels".',
    ],
    ['edges without the edge head', { outputs: ['edges'] }, 'Edges need the edge head, which is not loaded.'],
    ['scales without 1', { scales: [2] }, '`scales` must be an array that includes 1, got [2].'],
    ['a scale that is not a list', { scales: 1 }, '`scales` must be an array of numbers, got 1.'],
    ['a flip that is not a boolean', { flip: 1 }, '`flip` must be true or false, got 1.'],
    ['progress for no function', { onProgress: 'log' }, '`onProgress` must be a function, got "log".'],
    [
      'a tile without room',
      { tile: { width: 64, height: 64, overlap: 64 } },
      '`tile` must be at least 96x96 pixels for hrnet18 with an overlap of 64, got 64x64.',
    ],
    [
      'a tile of half pixels',
      { tile: { width: 64.5, height: 64, overlap: 0 } },
      '`tile.width` must be an integer of at least 1, got 64.5.',
    ],
    ['no options', null as unknown as object, '`options` must be an object, got null.'],
  ])('refuses %s', async (_, options, message) => {
    const { network, runs } = localNetwork('hrnet18')
    const refused = expect.objectContaining({ code: 'invalid-argument', message })
    await expect(segmentBatch(network, [randomImage(8, 8)], options)).rejects.toThrow(refused)
    await expect(segmentImages(network, [randomImage(8, 8)], options)).rejects.toThrow(refused)
    expect(runs).toEqual([])
  })

  const bytes = 'a Uint8Array or a Uint8ClampedArray'
  test.each<[string, object | undefined, string, string]>([
    [
      'too few bytes',
      { width: 8, height: 8, data: new Uint8Array(191) },
      'size-mismatch',
      '`data` must have 192 elements, 3 bytes for each of 8x8 pixels, got 191.',
    ],
    [
      'RGBA',
      { width: 8, height: 8, data: new Uint8Array(256) },
      'size-mismatch',
      '`data` must have 192 elements, 3 bytes for each of 8x8 pixels, got 256.',
    ],
    [
      'no pixels',
      { width: 0, height: 8, data: new Uint8Array(0) },
      'invalid-argument',
      '`width` must be an integer of at least 1, got 0.',
    ],
    [
      'half a pixel',
      { width: 1.5, height: 2, data: new Uint8Array(9) },
      'invalid-argument',
      '`width` must be an integer of at least 1, got 1.5.',
    ],
    ['no data', { width: 8, height: 8 }, 'invalid-argument', `\`data\` must be ${bytes}, got undefined.`],
    [
      'floats',
      { width: 1, height: 1, data: new Float32Array(3) },
      'invalid-argument',
      `\`data\` must be ${bytes}, got Float32Array of 3 elements.`,
    ],
    [
      '16 bits per channel',
      { width: 1, height: 1, data: new Uint16Array(3) },
      'invalid-argument',
      `\`data\` must be ${bytes}, got Uint16Array of 3 elements.`,
    ],
    [
      'plain numbers',
      { width: 1, height: 1, data: [0, 0, 0] },
      'invalid-argument',
      `\`data\` must be ${bytes}, got [0, 0, 0].`,
    ],
    [
      'nothing',
      undefined,
      'invalid-argument',
      '`image` must be an object { data, width, height }, got undefined.',
    ],
  ])('refuses an image of %s', async (_, image, code, message) => {
    const { network } = localNetwork('hrnet18')
    const refused = expect.objectContaining({ code, message })
    const wrong = image as RgbImage
    await expect(segmentBatch(network, [wrong])).rejects.toThrow(refused)
    // In a list, the message names the element.
    const inList = message.replace(/^`image`/, '`images[1]`').replace(/^`(data|width)`/, '`images[1].$1`')
    await expect(segmentImages(network, [randomImage(4, 4), wrong])).rejects.toThrow(
      expect.objectContaining({ code, message: inList }),
    )
  })

  test('accepts clamped bytes', async () => {
    const { network } = localNetwork('hrnet18')
    const image = randomImage(8, 8)
    const clamped = { ...image, data: Uint8ClampedArray.from(image.data) }
    const [[one], [other]] = await Promise.all([
      segmentBatch(network, [image]),
      segmentBatch(network, [clamped]),
    ])
    expect(other.labels).toEqual(one.labels)
  })

  test('refuses a batch of several sizes', async () => {
    const { network } = localNetwork('hrnet18')
    await expect(segmentBatch(network, [randomImage(4, 4), randomImage(4, 5)])).rejects.toThrow(
      'All images of a batch must have one size, got 4x4 and 4x5.',
    )
  })
})

describe('tiles', () => {
  const image = randomImage(300, 200)

  test('change nothing if the network looks no further than their overlap', async () => {
    const { network, runs } = localNetwork('hrnet18', { edge: true })
    const [whole] = await segmentBatch(network, [image], { outputs: everything, tile: 'never' })
    expect(runs.splice(0)).toHaveLength(1)
    const tile = { width: 130, height: 96, overlap: 32 }
    const [tiled] = await segmentBatch(network, [image], { outputs: everything, tile })
    expect(tiled.tiles).toBe(9)
    expect(runs).toHaveLength(9)
    for (const { shape } of runs) expect(shape[2] <= 96 && shape[3] <= 130).toBe(true)
    expect(relativeError(tiled.logits!, whole.logits!)).toBeLessThan(1e-5)
    expect(relativeError(tiled.edges!, whole.edges!)).toBeLessThan(1e-5)
  })

  test('are made if the whole image exceeds the memory budget, and stay within it', async () => {
    const { network: roomy } = localNetwork('hrnet18')
    const { peakActivationBytes } = await import('@inverseform/backbones/graph')
    const whole = peakActivationBytes(roomy.graph, { N: 1, H: 200, W: 300 })
    for (const share of [1, 0.99, 0.8]) {
      const { network, runs } = localNetwork('hrnet18', { memoryBudget: whole * share })
      const [{ tiles }] = await segmentBatch(network, [image])
      expect(tiles).toBe(runs.length)
      if (share === 1) expect(tiles).toBe(1)
      else expect(tiles).toBeGreaterThan(1)
      for (const { shape } of runs) {
        expect(peakActivationBytes(network.graph, { N: 1, H: shape[2], W: shape[3] })).toBeLessThanOrEqual(
          whole * share,
        )
      }
    }
    const { network: poor } = localNetwork('hrnet18', { memoryBudget: 2 ** 20 })
    await expect(segmentBatch(poor, [image])).rejects.toThrow(
      expect.objectContaining({
        code: 'out-of-memory',
        message: expect.stringMatching(/^hrnet18 exceeds its memory budget of 1 MiB, .*\.$/),
      }),
    )
  })
})

describe('segmentImages', () => {
  const images = [randomImage(20, 10), randomImage(10, 20), randomImage(20, 10), randomImage(4, 4)]

  test('keeps the order of images of several sizes', async () => {
    const { network, runs } = localNetwork('hrnet18')
    const seen: SegmentProgress[] = []
    const together = await segmentImages(network, images, {
      outputs: ['logits'],
      onProgress: (p) => seen.push(p),
    })
    expect(runs.map(({ shape }) => shape[0])).toEqual([2, 1, 1])
    expect(seen).toEqual([1, 2, 3].map((done) => ({ done, total: 3 })))
    for (const [i, image] of images.entries()) {
      const [alone] = await segmentBatch(network, [image], { outputs: ['logits'] })
      expect(together[i]).toMatchObject({ width: image.width, height: image.height })
      expect(together[i].logits).toEqual(alone.logits)
    }
    expect(await segmentImages(network, [])).toEqual([])
  })

  test('runs fewer images together before it cuts them, to stay within the memory budget', async () => {
    const { peakActivationBytes } = await import('@inverseform/backbones/graph')
    const { graph } = localNetwork('hrnet18').network
    const memoryBudget = 2.5 * peakActivationBytes(graph, { N: 1, H: 10, W: 20 })
    const { network, runs } = localNetwork('hrnet18', { memoryBudget })
    const five = Array.from({ length: 5 }, () => randomImage(20, 10))
    const results = await segmentImages(network, five)
    expect(runs.map(({ shape }) => shape[0])).toEqual([2, 2, 1])
    expect(results.every(({ tiles }) => tiles === 1)).toBe(true)
  })
})

describe('before and after the work', () => {
  test('names the image and the output with a value that is not finite', async () => {
    const { network } = localNetwork('hrnet18')
    const { session } = network
    const images = [randomImage(8, 8), randomImage(16, 8), randomImage(8, 8)]
    const broken = { ...network, session: { ...session, run: brokenAt(session, 1) } }
    await expect(segmentImages(broken, images)).rejects.toThrow(
      expect.objectContaining({
        code: 'inference-failed',
        message: "The network's output `logits` has the value NaN for `images[2]`.",
        hint: expect.stringContaining('weights of the checkpoint'),
      }),
    )
    const alone = { ...network, session: { ...session, run: brokenAt(session, 0) } }
    await expect(segmentImages(alone, [images[0]])).rejects.toThrow(
      "The network's output `logits` has the value NaN for `image`.",
    )
  })

  /** Makes the last logit of an image of the batch NaN. */
  function brokenAt(session: Network['session'], image: number): Network['session']['run'] {
    return async (feeds) => {
      const outputs = await session.run(feeds)
      const { data, shape } = outputs.logits
      const broken = data.slice()
      broken[((image + 1) * data.length) / shape[0] - 1] = Number.NaN
      return { ...outputs, logits: { data: broken, shape } }
    }
  }

  test('compares the memory needed with the memory there is', async () => {
    const { network, runs } = localNetwork('hrnet18')
    const images = [randomImage(64, 32), randomImage(64, 32)]
    // RGB twice, normalized, and labels.
    const needed = 2 * 64 * 32 * (6 + 12 + 1)
    const within = { ...network, availableMemory: () => needed }
    expect(await segmentImages(within, images)).toHaveLength(2)
    const before = runs.length
    const beyond = { ...network, availableMemory: () => needed - 1 }
    await expect(segmentImages(beyond, images)).rejects.toThrow(
      expect.objectContaining({
        code: 'out-of-memory',
        message: 'Segmenting 4096 pixels needs 1 MiB of memory, 1 MiB are available.',
        details: { needed, available: needed - 1, pixels: 4096 },
      }),
    )
    await expect(segmentImages(within, images, { outputs: ['labels', 'logits'] })).rejects.toThrow(
      expect.objectContaining({ code: 'out-of-memory' }),
    )
    expect(runs).toHaveLength(before)
  })

  test.each([
    [{ signal: 7 }, '`signal` must be an AbortSignal, got 7.'],
    [{ maxPixels: 0 }, '`maxPixels` must be an integer of at least 1, got 0.'],
  ])('refuses %j', async (options, message) => {
    const { network } = localNetwork('hrnet18')
    await expect(segmentImages(network, [], options as object)).rejects.toThrow(
      expect.objectContaining({ code: 'invalid-argument', message }),
    )
  })
})
