import { edgeMap } from '@inverseform/cityscapes'
import { normalizeImages, type RgbImage, resizeTensor } from '@inverseform/runtime'
import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { augment } from '../../src/data/augment.js'
import {
  type Augmentation,
  augmentationSettings,
  drawAugmentation,
  type Size,
} from '../../src/data/augmentation.js'
import type { LoadedSample } from '../../src/index.js'
import { blockTarget, noiseImage, noiseSample } from './support.js'

function run(sample: LoadedSample, augmentation: Augmentation) {
  const size = augmentation.crop.width * augmentation.crop.height
  const slot = {
    image: new Float32Array(3 * size),
    target: new Uint8Array(size),
    edgeTarget: new Uint8Array(size),
  }
  augment(sample, augmentation, slot)
  return slot
}

const plain = { flip: false, colors: [], sigma: 0 }

/** Scales a whole image with the resize that inference uses, and rounds to bytes. */
function scaledImage({ data, width, height }: RgbImage, scaled: Size): RgbImage {
  const planar = Float32Array.from({ length: data.length }, (_, i) => {
    const [channel, pixel] = [Math.floor(i / (width * height)), i % (width * height)]
    return data[3 * pixel + channel]
  })
  const resized = resizeTensor({ data: planar, shape: [1, 3, height, width] }, scaled.width, scaled.height)
  const size = scaled.width * scaled.height
  return {
    ...scaled,
    data: Uint8Array.from({ length: 3 * size }, (_, i) =>
      Math.round(resized.data[(i % 3) * size + Math.floor(i / 3)]),
    ),
  }
}

/** Reads each pixel of the crop from the whole scaled image and target, one after the other. */
function straightforward({ image, target }: LoadedSample, { scaled, crop, left, top, flip }: Augmentation) {
  const whole = scaledImage(image, scaled)
  const normalized = normalizeImages([whole]).data
  const out = { image: [] as number[], target: [] as number[] }
  for (const channel of [0, 1, 2, 3]) {
    for (let y = 0; y < crop.height; y++) {
      for (let i = 0; i < crop.width; i++) {
        const [x, row] = [left + (flip ? crop.width - 1 - i : i), top + y]
        const inside = x >= 0 && row >= 0 && x < scaled.width && row < scaled.height
        if (channel < 3) {
          const at = channel * scaled.width * scaled.height + row * scaled.width + x
          out.image.push(inside ? normalized[at] : 0)
        } else {
          const column = Math.floor(((x + 0.5) / scaled.width) * image.width)
          const line = Math.floor(((row + 0.5) / scaled.height) * image.height)
          out.target.push(inside ? target[line * image.width + column] : 255)
        }
      }
    }
  }
  return out
}

describe.each([
  ['as it is', { width: 23, height: 17 }, 3, 4],
  ['enlarged', { width: 41, height: 31 }, 9, 12],
  ['enlarged twice', { width: 46, height: 34 }, 34, 22],
  ['reduced, in a larger crop', { width: 11, height: 9 }, 0, -1],
  ['reduced, wider than the crop', { width: 16, height: 8 }, 4, -2],
])('an image %s', (_, scaled, left, top) => {
  it.each([false, true])('equals a crop of the whole scaled image; mirrored: %s', (flip) => {
    const sample = noiseSample(23, 17, 5)
    const augmentation = { ...plain, scaled, crop: { width: 12, height: 12 }, left, top, flip }
    const { image, target, edgeTarget } = run(sample, augmentation)
    const expected = straightforward(sample, augmentation)
    // A byte is about 0.017; bytes may differ where rounding is close.
    const differences = expected.image.map((value, i) => Math.abs(value - image[i]))
    expect(Math.max(...differences)).toBeLessThan(0.018)
    expect(differences.filter((difference) => difference > 1e-6).length).toBeLessThan(5)
    expect([...target]).toEqual(expected.target)
    expect(edgeTarget).toEqual(edgeMap(target, 12, 12))
  })
})

it('mirrors image, target and edges alike', () => {
  const sample = noiseSample(40, 30, 5)
  const augmentation = { ...plain, scaled: { width: 31, height: 23 }, crop: { width: 24, height: 26 } }
  const as = (flip: boolean) => run(sample, { ...augmentation, left: 5, top: -1, flip })
  const [straight, mirrored] = [as(false), as(true)]
  for (const map of ['image', 'target', 'edgeTarget'] as const) {
    const back = mirrored[map].slice()
    for (let at = 0; at < back.length; at += 24) back.subarray(at, at + 24).reverse()
    expect(back).toEqual(straight[map])
  }
})

it('never mixes labels', () => {
  const target = blockTarget(64, 48, 4).map((label) => label * 60)
  const sample = { image: noiseImage(64, 48), target }
  const known = new Set([...target, 255])
  const random = seededRandom(3)
  const settings = augmentationSettings({})
  for (let i = 0; i < 20; i++) {
    const crop = { width: 40, height: 40 }
    const augmentation = drawAugmentation(random, sample.image, crop, settings, true)
    for (const label of run(sample, augmentation).target) expect(known.has(label)).toBe(true)
  }
})

it.each([0.2, 0.7, 1.3])('blurs with sigma %f as a two-dimensional Gaussian with repeated edges', (sigma) => {
  const sample = noiseSample(20, 15, 5)
  const scaled = { width: 20, height: 15 }
  const radius = Math.floor(4 * sigma + 0.5)
  // The crop shows the whole image, with a margin of padding that must not darken it.
  const augmentation = { ...plain, scaled, crop: { width: 24, height: 15 }, left: -2, top: 0, sigma }
  const { image } = run(sample, augmentation)
  const blurred = (channel: number, x: number, y: number) => {
    let [sum, weights] = [0, 0]
    for (let dy = -radius; dy <= radius; dy++) {
      for (let dx = -radius; dx <= radius; dx++) {
        const weight = Math.exp(-(dx * dx + dy * dy) / (2 * sigma ** 2))
        const row = Math.min(14, Math.max(0, y + dy))
        const column = Math.min(19, Math.max(0, x + dx))
        sum += weight * sample.image.data[3 * (row * 20 + column) + channel]
        weights += weight
      }
    }
    return sum / weights
  }
  const mean = [0.485, 0.456, 0.406]
  const deviation = [0.229, 0.224, 0.225]
  let error = 0
  for (let i = 0; i < image.length; i++) {
    const [channel, y, x] = [Math.floor(i / 360), Math.floor((i % 360) / 24), (i % 24) - 2]
    const inside = x >= 0 && x < 20
    const expected = inside ? (blurred(channel, x, y) / 255 - mean[channel]) / deviation[channel] : 0
    // Half a byte.
    expect(Math.abs(image[i] - expected)).toBeLessThan(0.5 / 255 / 0.229)
    error += Math.abs(image[i] - expected) / image.length
  }
  expect(error).toBeLessThan(0.05 / 255 / 0.229)
})

describe('drawAugmentation', () => {
  const size = { width: 200, height: 100 }
  const crop = { width: 80, height: 60 }

  it('keeps to the ranges of its options', () => {
    const random = seededRandom(1)
    const settings = augmentationSettings({
      scale: [0.7, 1.5],
      flip: 0.25,
      colorJitter: { brightness: 0, contrast: 0.1, saturation: 0.2, hue: 0.3 },
      blur: { probability: 0.5, sigma: [0.5, 1] },
    })
    const drawn = Array.from({ length: 4000 }, () => drawAugmentation(random, size, crop, settings, true))
    const range = (of: (drawn: Augmentation) => number) => {
      const values = drawn.map(of)
      return [Math.min(...values), Math.max(...values)]
    }
    expect(range(({ scaled }) => scaled.width)).toEqual([140, 299])
    expect(range(({ left, scaled }) => left / (scaled.width - 80))).toEqual([0, 1])
    expect(range(({ top, scaled }) => top / (scaled.height - 60))).toEqual([0, 1])
    const share = (of: (drawn: Augmentation) => boolean) => drawn.filter(of).length / drawn.length
    expect(share(({ flip }) => flip)).toBeCloseTo(0.25, 1)
    expect(share(({ sigma }) => sigma > 0)).toBeCloseTo(0.5, 1)
    expect(share(({ sigma }) => sigma === 0 || (sigma >= 0.5 && sigma < 1))).toBe(1)
    const most = { contrast: 0.1, saturation: 0.2, hue: 0.3 }
    for (const kind of ['contrast', 'saturation', 'hue'] as const) {
      const amounts = drawn.map(({ colors }) => colors.find((color) => color.kind === kind)!.amount)
      const middle = kind === 'hue' ? 0 : 1
      expect(Math.min(...amounts)).toBeGreaterThanOrEqual(middle - most[kind])
      expect(Math.min(...amounts)).toBeCloseTo(middle - most[kind], 2)
      expect(Math.max(...amounts)).toBeCloseTo(middle + most[kind], 2)
    }
    const orders = new Set(drawn.map(({ colors }) => colors.map(({ kind }) => kind).join()))
    expect(orders.size).toBe(6)
  })

  it('has a crop contain a place', () => {
    const random = seededRandom(2)
    const settings = augmentationSettings({})
    const lefts = new Set<number>()
    for (let i = 0; i < 500; i++) {
      const { scaled, left, top } = drawAugmentation(random, size, crop, settings, true, { x: 150, y: 20 })
      const [x, y] = [((150.5 * scaled.width) / 200) | 0, ((20.5 * scaled.height) / 100) | 0]
      expect(x - left).toBeGreaterThanOrEqual(0)
      expect(x - left).toBeLessThan(80)
      expect(y - top).toBeGreaterThanOrEqual(0)
      expect(y - top).toBeLessThan(60)
      lefts.add(x - left)
    }
    expect(lefts.size).toBeGreaterThan(60)
  })

  it('covers the crop without padding, and puts a small image in the middle of it with padding', () => {
    const random = seededRandom(3)
    const settings = augmentationSettings({ scale: [0.1, 0.3] })
    const unpadded = drawAugmentation(random, size, crop, settings, false)
    expect(unpadded).toMatchObject({ scaled: { width: 120, height: 60 }, top: 0 })
    const { scaled, left, top } = drawAugmentation(random, size, crop, settings, true)
    expect(Math.abs(80 - scaled.width + 2 * left)).toBeLessThanOrEqual(1)
    expect(Math.abs(60 - scaled.height + 2 * top)).toBeLessThanOrEqual(1)
  })

  it('changes nothing but the crop when all is off', () => {
    const settings = augmentationSettings(false)
    expect(drawAugmentation(seededRandom(1), size, size, settings, true)).toEqual({
      ...plain,
      scaled: size,
      crop: size,
      left: 0,
      top: 0,
    })
  })
})

it.each([
  [{ scale: [2, 1] }, 'augmentation.scale[1]'],
  [{ scale: 2 }, 'augmentation.scale'],
  [{ flip: 1.5 }, 'augmentation.flip'],
  [{ colorJitter: { hue: 0.6 } }, 'augmentation.colorJitter.hue'],
  [{ blur: { sigma: [-1, 1] } }, 'augmentation.blur.sigma[0]'],
  [true, 'augmentation'],
])('refuses the options %j', (options, name) => {
  const settings = () => augmentationSettings(options as unknown as false)
  expect(settings).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
  expect(settings).toThrow(`\`${name}\``)
})
