import { buildModel, type SegmentationModelName, zoo } from '@inverseform/backbones'
import { describe, expect, test } from 'vitest'
import { deterministicSource } from '../../backbones/test/support/models.js'
import { randomInteger, randomSource, relativeError } from '../../backbones/test/support/tensors.js'
import {
  arrayEngine,
  type Network,
  normaliseImages,
  type RgbImage,
  type SegmentOutput,
  type SegmentProgress,
  segmentBatch,
  segmentImages,
  segmentTensor,
  type Tensor,
} from '../src/index.js'
import { resizeTensor } from '../src/resize-tensor.js'
import { mirror, plane, resize, valuesOf } from './support/naive.js'

const random = randomSource(41)
function randomImage(width: number, height: number): RgbImage {
  return {
    width,
    height,
    data: Uint8Array.from({ length: width * height * 3 }, () => randomInteger(random, 0, 255)),
  }
}

/**
 * A stand-in for a network: class c's logit is a mixture of the image's channels, averaged over `stride` x `stride`
 * pixels, and so is the edge. Nothing in it depends on anything further away.
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
    classes: mixture.length,
    edge: options.edge,
  })
  const network: Network = {
    engine: arrayEngine,
    graph,
    info,
    classes: mixture.length,
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

describe('normaliseImages', () => {
  test('is (value / 255 − mean) / deviation, by channel', () => {
    const images = [randomImage(7, 5), randomImage(7, 5)]
    const { data, shape } = normaliseImages(images)
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
    const input = normaliseImages([randomImage(23, 11), randomImage(23, 11)])
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
  test('gives what was asked for and no more', async () => {
    const { network } = localNetwork('hrnet18', { edge: true })
    const image = randomImage(40, 24)
    for (const output of everything) {
      const [result] = await segmentImages(network, [image], { outputs: [output] })
      expect(Object.keys(result).filter((key) => (everything as string[]).includes(key))).toEqual([output])
      expect(result).toMatchObject({ width: 40, height: 24, classes: 4, tiles: 1 })
      expect(result[output]).toHaveLength(40 * 24 * (output === 'logits' ? 4 : 1))
    }
    const [all] = await segmentImages(network, [image], { outputs: everything })
    const [plain] = await segmentImages(network, [image])
    expect(plain.labels).toEqual(all.labels)
    for (const time of Object.values(plain.timings)) expect(time).toBeGreaterThanOrEqual(0)
  })

  test('edges are probabilities, of logits and of probabilities alike', async () => {
    const image = randomImage(32, 32)
    const { network } = localNetwork('hrnet18', { edge: true })
    const [asLogits] = await segmentImages(network, [image], { outputs: ['edges'] })
    const info = { ...network.info, edgeOutput: 'probability' } as const
    const [asIs] = await segmentImages({ ...network, info }, [image], { outputs: ['edges'] })
    const expected = asIs.edges!.map((x) => 1 / (1 + Math.exp(-x)))
    expect(relativeError(asLogits.edges!, expected)).toBeLessThan(1e-6)
  })

  test('flip is the mean with the mirrored image’s, mirrored back', async () => {
    const { network, runs } = localNetwork('hrnet18', { edge: true })
    const image = randomImage(37, 21)
    const mirrored = { ...image, data: image.data.slice() }
    for (let i = 0; i < image.data.length; i++) {
      const [c, x, y] = [i % 3, Math.floor(i / 3) % 37, Math.floor(i / 111)]
      mirrored.data[i] = image.data[(y * 37 + 36 - x) * 3 + c]
    }
    const outputs: SegmentOutput[] = ['logits', 'edges']
    const [both] = await segmentImages(network, [image], { outputs, flip: true })
    expect(runs).toHaveLength(2)
    const [one] = await segmentImages(network, [image], { outputs })
    const [other] = await segmentImages(network, [mirrored], { outputs })
    const size = 37 * 21
    for (let c = 0; c < 4; c++) {
      const of = ({ logits }: typeof one) => logits!.subarray(c * size, (c + 1) * size)
      const back = valuesOf(mirror(plane(of(other), 37, 21)))
      const expected = of(one).map((x, i) => (x + back[i]) / 2)
      expect(relativeError(of(both), expected)).toBeLessThan(1e-5)
    }
  })

  test('scales resize the image, at least to what the network can take', async () => {
    const { network, runs } = localNetwork('hrnet16-slim')
    await segmentImages(network, [randomImage(5, 3)], { scales: [0.5, 1, 2] })
    expect(runs.map(({ shape }) => shape)).toEqual([
      [1, 3, 6, 10],
      [1, 3, 3, 5],
      [1, 3, 2, 2],
    ])
  })

  test('floats may be given instead of bytes', async () => {
    const { network } = localNetwork('hrnet18')
    const images = [randomImage(30, 20), randomImage(30, 20)]
    const fromBytes = await segmentImages(network, images, { scales: [1, 2] })
    const fromFloats = await segmentTensor(network, normaliseImages(images), { scales: [1, 2] })
    expect(fromFloats.map(({ labels }) => labels)).toEqual(fromBytes.map(({ labels }) => labels))
  })

  test('progress counts every network run; an abort stops before the next', async () => {
    const { network, runs } = localNetwork('hrnet18')
    const seen: SegmentProgress[] = []
    const options = {
      scales: [1, 0.5],
      flip: true,
      onProgress: (progress: SegmentProgress) => seen.push(progress),
    }
    await segmentImages(network, [randomImage(20, 20)], options)
    expect(seen).toEqual([1, 2, 3, 4].map((done) => ({ done, total: 4 })))

    const controller = new AbortController()
    runs.length = 0
    const onProgress = () => controller.abort(new Error('enough'))
    const aborted = segmentImages(network, [randomImage(20, 20)], {
      ...options,
      onProgress,
      signal: controller.signal,
    })
    await expect(aborted).rejects.toThrow('enough')
    expect(runs).toHaveLength(1)
  })

  test.each<[string, object, string]>([
    ['an output that is none', { outputs: ['depth'] }, 'The output "depth" was asked for.'],
    ['edges without the head', { outputs: ['edges'] }, 'Edges were asked of a model without its edge head.'],
    ['scales without 1', { scales: [2] }, 'The scales [2] do not include 1.'],
    [
      'a tile without room',
      { tile: { width: 64, height: 64, overlap: 64 } },
      'Tiles of 64x64 with an overlap of 64 were asked for.',
    ],
  ])('%s is refused', async (_, options, message) => {
    const { network, runs } = localNetwork('hrnet18')
    await expect(segmentImages(network, [randomImage(8, 8)], options)).rejects.toThrow(
      expect.objectContaining({
        code: 'invalid-argument',
        message,
        hint: expect.stringMatching(/^[A-Z].*\.$/),
      }),
    )
    expect(runs).toEqual([])
  })

  test.each<[string, RgbImage]>([
    ['too few bytes', { width: 8, height: 8, data: new Uint8Array(191) }],
    ['RGBA', { width: 8, height: 8, data: new Uint8Array(256) }],
    ['no pixels', { width: 0, height: 8, data: new Uint8Array(0) }],
    ['half a pixel', { width: 1.5, height: 2, data: new Uint8Array(9) }],
    ['no data', { width: 8, height: 8 } as RgbImage],
  ])('an image of %s is refused', async (_, image) => {
    const { network } = localNetwork('hrnet18')
    const refused = expect.objectContaining({ code: 'size-mismatch' })
    await expect(segmentImages(network, [image])).rejects.toThrow(refused)
    await expect(segmentBatch(network, [randomImage(4, 4), image])).rejects.toThrow(refused)
    await expect(segmentImages(network, [randomImage(4, 4), randomImage(4, 5)])).rejects.toThrow(
      'A batch has images of 4x4 and of 4x5.',
    )
  })
})

describe('tiles', () => {
  const image = randomImage(300, 200)

  test('change nothing where the network looks no further than their overlap', async () => {
    const { network, runs } = localNetwork('hrnet18', { edge: true })
    const [whole] = await segmentImages(network, [image], { outputs: everything, tile: 'never' })
    expect(runs.splice(0)).toHaveLength(1)
    const tile = { width: 130, height: 96, overlap: 32 }
    const [tiled] = await segmentImages(network, [image], { outputs: everything, tile })
    expect(tiled.tiles).toBe(9)
    expect(runs).toHaveLength(9)
    for (const { shape } of runs) expect(shape[2] <= 96 && shape[3] <= 130).toBe(true)
    expect(relativeError(tiled.logits!, whole.logits!)).toBeLessThan(1e-5)
    expect(relativeError(tiled.edges!, whole.edges!)).toBeLessThan(1e-5)
  })

  test('are made when the whole passes the memory budget, and then keep within it', async () => {
    const { network: roomy } = localNetwork('hrnet18')
    const { peakActivationBytes } = await import('@inverseform/backbones')
    const whole = peakActivationBytes(roomy.graph, { N: 1, H: 200, W: 300 })
    for (const share of [1, 0.99, 0.8]) {
      const { network, runs } = localNetwork('hrnet18', { memoryBudget: whole * share })
      const [{ tiles }] = await segmentImages(network, [image])
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
    await expect(segmentImages(poor, [image])).rejects.toThrow(
      expect.objectContaining({
        code: 'out-of-memory',
        message: expect.stringMatching(/^hrnet18 needs more than the 1 MiB .*\.$/),
      }),
    )
  })
})

describe('segmentBatch', () => {
  const images = [randomImage(20, 10), randomImage(10, 20), randomImage(20, 10), randomImage(4, 4)]

  test('keeps the order of images of mixed sizes', async () => {
    const { network, runs } = localNetwork('hrnet18')
    const seen: SegmentProgress[] = []
    const together = await segmentBatch(network, images, {
      outputs: ['logits'],
      onProgress: (p) => seen.push(p),
    })
    expect(runs.map(({ shape }) => shape[0])).toEqual([2, 1, 1])
    expect(seen).toEqual([1, 2, 3].map((done) => ({ done, total: 3 })))
    for (const [i, image] of images.entries()) {
      const [alone] = await segmentImages(network, [image], { outputs: ['logits'] })
      expect(together[i]).toMatchObject({ width: image.width, height: image.height })
      expect(together[i].logits).toEqual(alone.logits)
    }
    expect(await segmentBatch(network, [])).toEqual([])
  })

  test('runs no more images together than the memory budget allows, rather than cut them', async () => {
    const { peakActivationBytes } = await import('@inverseform/backbones')
    const { graph } = localNetwork('hrnet18').network
    const memoryBudget = 2.5 * peakActivationBytes(graph, { N: 1, H: 10, W: 20 })
    const { network, runs } = localNetwork('hrnet18', { memoryBudget })
    const five = Array.from({ length: 5 }, () => randomImage(20, 10))
    const results = await segmentBatch(network, five)
    expect(runs.map(({ shape }) => shape[0])).toEqual([2, 2, 1])
    expect(results.every(({ tiles }) => tiles === 1)).toBe(true)
  })
})
