import { constant, conv2d, imageInput, relu } from '@inverseform/backbones/graph'
import { seededRandom } from '@inverseform/shared'
import { expect, test } from 'vitest'
import { calibrate } from '../src/index.js'
import { ValueRange } from '../src/onnx/value-range.js'

const weight = (values: readonly number[]) => {
  const shape = [values.length / 3, 3, 1, 1]
  return constant('weight', shape, async () => Float32Array.from(values))
}
/** A network with one quantized map: an image's red, or with relu only what is above the mean, times a factor. */
function network(factor: number, positive: boolean) {
  const red = conv2d(imageInput('image', 3), weight([factor, 0, 0]))
  const only = constant('only', [1, 1, 1, 1], async () => Float32Array.of(1))
  return { outputs: { y: conv2d(positive ? relu(red) : red, only) } }
}
const gray = (level: (i: number) => number, [width, height]: readonly [number, number]) => ({
  data: Uint8Array.from({ length: 3 * width * height }, (_, i) => level(Math.floor(i / 3))),
  width,
  height,
})
/** The red of a normalized image. */
const normalized = (level: number) => (level / 255 - 0.485) / 0.229

test('the codes cover the values of a map on all images', async () => {
  const images = [gray((i) => i % 101, [64, 32]), gray((i) => 100 + (i % 101), [32, 64])]
  const [low, high] = [normalized(0), normalized(200)]
  const [signed] = await calibrate(network(2, false), images)
  expect(signed.scale).toBeCloseTo((2 * (high - low)) / 255, 5)
  expect(signed.zeroPoint).toBe(Math.round((-255 * low) / (high - low)))
  const [positive] = await calibrate(network(2, true), images)
  expect(positive.scale).toBeCloseTo((2 * high) / 255, 5)
  expect(positive.zeroPoint).toBe(0)
})

test('takes another part of each large image', async () => {
  // Bright at the bottom right, where the second image's part is.
  const image = gray((i) => (i % 1100 > 1050 && i > 1100 * 560 ? 250 : 130), [1100, 600])
  const scaleOf = async (count: number) =>
    (await calibrate(network(1, true), Array(count).fill(image)))[0].scale
  expect(await scaleOf(1)).toBeCloseTo(normalized(130) / 255, 5)
  expect(await scaleOf(2)).toBeCloseTo(normalized(250) / 255, 5)
})

test('bad input is an error', async () => {
  const image = gray(() => 200, [8, 8])
  const failed = (...args: Parameters<typeof calibrate>) => calibrate(...args).catch((error) => error)
  expect(await failed(network(1, true), [])).toMatchObject({ code: 'invalid-argument' })
  expect(await failed(network(1, true), ['missing.png'])).toMatchObject({ code: 'not-found' })
  expect(await failed(network(Number.NaN, true), [image])).toMatchObject({ code: 'inference-failed' })
  const reason = new Error('stop')
  expect(await failed(network(1, true), [image], { signal: AbortSignal.abort(reason) })).toBe(reason)
})

test('a range leaves out one value in ten thousand, and keeps a code for 0', () => {
  const random = seededRandom(5)
  const range = new ValueRange()
  const values = Float32Array.from({ length: 100_000 }, () => 1 + random() + random() * random())
  range.add(values.subarray(0, 40_000))
  range.add(values.subarray(40_000))
  range.add(Float32Array.of(1000, 900, 800))
  const { scale, zeroPoint } = range.scale()
  const quantile = values.toSorted().at(-7) as number
  expect(zeroPoint).toBe(0)
  // One bin of 2048 covers half a unit here.
  expect(255 * scale).toBeGreaterThanOrEqual(quantile - 0.001)
  expect(255 * scale).toBeLessThanOrEqual(quantile + 0.5)

  const zeros = new ValueRange()
  zeros.add(new Float32Array(10))
  expect(zeros.scale()).toEqual({ scale: 1, zeroPoint: 0 })
  const negative = new ValueRange()
  negative.add(Float32Array.of(-1, -2, -4))
  expect(negative.scale()).toEqual({ scale: Math.fround(4 / 255), zeroPoint: 255 })
})
