import { describe, expect, it } from 'vitest'
import { CalibrationError, type ConfidentImage } from '../../src/metrics/calibration.js'
import { random } from '../random.js'
import { imageOf, randomImage } from './images.js'

/** Confidences of every size, some of them on the edges of the bins, some tiny. */
function confident(seed: number, pixels = 500): ConfidentImage {
  const next = random(seed + 1000)
  const confidence = Float32Array.from({ length: pixels }, () => {
    const kind = next()
    return kind < 0.1 ? Math.floor(next() * 9) / 8 : kind < 0.2 ? next() * 10 ** (-40 * next()) : next()
  })
  return { ...randomImage(seed, pixels, 4), confidence }
}

const errorOf = (images: readonly ConfidentImage[], bins = 15): CalibrationError => {
  const error = new CalibrationError({ classes: 4, bins })
  for (const image of images) error.update(image)
  return error
}

/** Exactly: float32 numbers of 0..1 in units of 2^-149. */
const units = (c: number): bigint => BigInt(c * 2 ** 149)

describe('CalibrationError', () => {
  it('equals its definition, with edges in the lower bin, sums in exact arithmetic', () => {
    const images = [confident(1), confident(2), confident(3)]
    for (const bins of [1, 8, 10, 15]) {
      const lists = Array.from({ length: bins }, () => ({ count: 0, right: 0, sum: 0n }))
      for (const { truth, prediction, confidence } of images)
        truth.forEach((t, i) => {
          if (t === 255) return
          const c = confidence[i]!
          const list = lists.find((_, b) => c * bins <= b + 1)!
          list.count++
          list.right += Number(t === prediction[i])
          list.sum += units(c)
        })
      const scores = errorOf(images, bins).compute()
      const pixels = lists.reduce((sum, { count }) => sum + count, 0)
      let [ece, mce] = [0, 0]
      for (const [b, { count, right, sum }] of lists.entries()) {
        const mean = Number(sum / 2n ** 85n) / 2 ** 64 / count
        const bin = scores.bins[b]!
        expect(bin).toMatchObject({ count, low: b / bins, high: (b + 1) / bins, accuracy: right / count })
        if (count === 0) {
          expect(bin.confidence).toBeNaN()
          continue
        }
        expect(bin.confidence).toBeCloseTo(mean, 14)
        ece += (count / pixels) * Math.abs(right / count - mean)
        mce = Math.max(mce, Math.abs(right / count - mean))
      }
      expect(scores.ece).toBeCloseTo(ece, 13)
      expect(scores.mce).toBeCloseTo(mce, 13)
      expect(scores.pixels).toBe(pixels)
    }
  })

  it('puts an edge into the bin below it, and 0 into the first', () => {
    const confidence = Float32Array.of(0, 0.25, 0.5, 0.50001, 0.75, 1)
    const image = { ...imageOf(new Uint8Array(6), new Uint8Array(6)), confidence }
    const { bins } = errorOf([image], 4).compute()
    expect(bins.map(({ count }) => count)).toEqual([2, 1, 2, 1])
  })

  it('is 0 for confidences that are right on average, and the excess for overconfident ones', () => {
    const truth = Uint8Array.of(0, 0, 0, 0, 255)
    const prediction = Uint8Array.of(0, 0, 0, 1, 0)
    const image = imageOf(truth, prediction)
    const right = errorOf([{ ...image, confidence: new Float32Array(5).fill(0.75) }]).compute()
    expect(right).toMatchObject({ ece: 0, mce: 0, accuracy: 0.75, confidence: 0.75, pixels: 4 })
    const sure = errorOf([{ ...image, confidence: new Float32Array(5).fill(1) }]).compute()
    expect(sure).toMatchObject({ ece: 0.25, mce: 0.25, confidence: 1 })
    // Two bins: 3 pixels at 1 all right; 1 pixel at 0.5, wrong.
    const two = { ...image, confidence: Float32Array.of(1, 1, 1, 0.5, NaN) }
    expect(errorOf([two]).compute()).toMatchObject({ ece: 0.125, mce: 0.5 })
  })

  it('is NaN where nothing was counted', () => {
    const nothing = { ...imageOf(Uint8Array.of(255), Uint8Array.of(9)), confidence: Float32Array.of(2) }
    const scores = errorOf([nothing]).compute()
    expect(scores).toMatchObject({ ece: NaN, mce: NaN, accuracy: NaN, confidence: NaN, pixels: 0 })
    expect(scores.bins).toHaveLength(15)
  })

  it('gives exactly the same however the images are split, ordered and merged', () => {
    const images = Array.from({ length: 8 }, (_, seed) => confident(seed + 10))
    const whole = errorOf(images).compute()
    for (const cut of [0, 1, 5, 8]) {
      const merged = errorOf(images.slice(cut).reverse())
      merged.merge(CalibrationError.fromJSON(JSON.parse(JSON.stringify(errorOf(images.slice(0, cut))))))
      expect(merged.compute()).toEqual(whole)
    }
    // One image of all pixels, in any order, too.
    const all = images.flatMap(({ truth, prediction, confidence }) =>
      [...truth].map((t, i) => [t, prediction[i]!, confidence[i]!] as const),
    )
    const together = (pixels: typeof all): ConfidentImage => ({
      ...imageOf(
        Uint8Array.from(pixels, ([t]) => t),
        Uint8Array.from(pixels, ([, p]) => p),
      ),
      confidence: Float32Array.from(pixels, ([, , c]) => c),
    })
    expect(errorOf([together(all)]).compute()).toEqual(whole)
    expect(errorOf([together(all.toReversed())]).compute()).toEqual(whole)
  })

  it('sums images of more pixels than it adds at once', () => {
    const pixels = 2 ** 21 + 3
    const confidence = new Float32Array(pixels).fill(0.7)
    const image = { ...imageOf(new Uint8Array(pixels), new Uint8Array(pixels)), confidence }
    expect(errorOf([image]).compute()).toMatchObject({ confidence: Math.fround(0.7), pixels })
  })

  it('does not round the sum of an image whose confidences do not fit one double together', () => {
    const pixels = 2 ** 22 + 2
    const least = 2 ** -8 + 2 ** -31
    const confidence = new Float32Array(pixels).fill(1).with(pixels - 1, least)
    const image = { ...imageOf(new Uint8Array(pixels), new Uint8Array(pixels)), confidence }
    const [bin] = errorOf([image], 1).toJSON().bins
    const parts = bin!.confidence.reduce((sum, part) => sum + units(part), 0n)
    expect(parts).toBe(BigInt(pixels - 1) * units(1) + units(least))
  })

  it('names the pixel of a confidence or an id that cannot be, and counts nothing of that image', () => {
    const error = errorOf([confident(7)])
    const before = error.toJSON()
    const image = imageOf(new Uint8Array(6), new Uint8Array(6), { width: 3, name: 'lindau_000001' })
    const update = (confidence: Float32Array, ids = {}) => error.update({ ...image, ...ids, confidence })
    const good = new Float32Array(6)
    for (const bad of [NaN, -0.25, 1.5, Infinity])
      expect(() => update(good.with(4, bad))).toThrow(
        `lindau_000001 has the confidence ${bad} at column 1, row 1.`,
      )
    expect(() => update(new Float32Array(5))).toThrow('lindau_000001 has 6 pixels and 5 confidences.')
    expect(() => update(good, { truth: new Uint8Array(6).with(3, 4) })).toThrow(
      'true id 4 at column 0, row 1',
    )
    expect(() => update(good, { prediction: new Uint8Array(6).fill(254) })).toThrow('predicted id 254')
    expect(() => update(good, { truth: new Uint8Array(5) })).toThrow('has 5 truth ids')
    expect(error.toJSON()).toEqual(before)
  })

  it('refuses other options, and JSON that is none', () => {
    const error = errorOf([confident(4)])
    expect(() => error.merge(errorOf([], 10))).toThrow(/"bins":10.*"bins":15/)
    for (const bins of [0, 1.5, 1e6, NaN])
      expect(() => new CalibrationError({ bins })).toThrow(`There cannot be ${bins} bins`)
    const json = error.toJSON()
    const changed = (change: object) => ({ ...json, bins: [{ ...json.bins[0], ...change }] })
    for (const [bad, message] of [
      [null, /Not a state of inverseform\.calibration-error/],
      [{ ...json, bins: [] }, /no list of bins/],
      [{ ...json, ignoreIndex: 0.5 }, /ignore index is 0\.5/],
      [changed({ count: -1 }), /bin 0 has \d+ right of -1/],
      [changed({ correct: 1e9 }), /bin 0 has 1000000000 right/],
      [changed({ confidence: [null] }), /confidence of bin 0/],
      [changed({ confidence: [1.7e308, 1.7e308] }), /confidence of bin 0/],
      [changed({ confidence: [-0.5] }), /confidence of bin 0/],
      [changed({ count: 2, correct: 0, confidence: [2, 2 ** -51] }), /confidence of bin 0/],
      [{ ...json, bins: [null] }, /bin 0 has undefined right/],
    ] as const)
      expect(() => CalibrationError.fromJSON(bad)).toThrow(message)
  })
})
