import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { Calibration, type ConfidentImage } from '../../src/metrics/calibration.js'
import { imageOf, randomImage } from './images.js'

/** Creates confidences of all magnitudes, some on the edges of the bins. */
function confident(seed: number, pixels = 500): ConfidentImage {
  const next = seededRandom(seed + 1000)
  const confidence = Float32Array.from({ length: pixels }, () => {
    const kind = next()
    return kind < 0.1 ? Math.floor(next() * 9) / 8 : kind < 0.2 ? next() * 10 ** (-40 * next()) : next()
  })
  return { ...randomImage(seed, pixels, 4), confidence }
}

const errorOf = (images: readonly ConfidentImage[], bins = 15): Calibration => {
  const error = new Calibration({ numClasses: 4, bins })
  for (const image of images) error.update(image)
  return error
}

/** Returns a float32 number in 0..1 exactly, in units of 2^-149. */
const units = (c: number): bigint => BigInt(c * 2 ** 149)

describe('Calibration', () => {
  it('equals its definition in exact arithmetic, with edges in the lower bin', () => {
    const images = [confident(1), confident(2), confident(3)]
    for (const bins of [1, 8, 10, 15]) {
      const lists = Array.from({ length: bins }, () => ({ count: 0, right: 0, sum: 0n }))
      for (const { target, prediction, confidence } of images) {
        target.forEach((t, i) => {
          if (t === 255) return
          const c = confidence[i]
          const list = lists.find((_, b) => c * bins <= b + 1)!
          list.count++
          list.right += Number(t === prediction[i])
          list.sum += units(c)
        })
      }
      const scores = errorOf(images, bins).compute()
      const pixels = lists.reduce((sum, { count }) => sum + count, 0)
      let [ece, mce] = [0, 0]
      for (const [b, { count, right, sum }] of lists.entries()) {
        const mean = Number(sum / 2n ** 85n) / 2 ** 64 / count
        const bin = scores.bins[b]
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

  it('puts an edge into the bin below it, and 0 into the first bin', () => {
    const confidence = Float32Array.of(0, 0.25, 0.5, 0.50001, 0.75, 1)
    const image = { ...imageOf(new Uint8Array(6), new Uint8Array(6)), confidence }
    const { bins } = errorOf([image], 4).compute()
    expect(bins.map(({ count }) => count)).toEqual([2, 1, 2, 1])
  })

  it('is 0 for confidences that match the accuracy, and the excess for overconfident ones', () => {
    const target = Uint8Array.of(0, 0, 0, 0, 255)
    const prediction = Uint8Array.of(0, 0, 0, 1, 0)
    const image = imageOf(target, prediction)
    const right = errorOf([{ ...image, confidence: new Float32Array(5).fill(0.75) }]).compute()
    expect(right).toMatchObject({ ece: 0, mce: 0, accuracy: 0.75, confidence: 0.75, pixels: 4 })
    const sure = errorOf([{ ...image, confidence: new Float32Array(5).fill(1) }]).compute()
    expect(sure).toMatchObject({ ece: 0.25, mce: 0.25, confidence: 1 })
    // Two bins: 3 pixels at 1 all right; 1 pixel at 0.5, wrong.
    const two = { ...image, confidence: Float32Array.of(1, 1, 1, 0.5, NaN) }
    expect(errorOf([two]).compute()).toMatchObject({ ece: 0.125, mce: 0.5 })
  })

  it('is NaN if no pixel was counted', () => {
    const nothing = { ...imageOf(Uint8Array.of(255), Uint8Array.of(9)), confidence: Float32Array.of(2) }
    const scores = errorOf([nothing]).compute()
    expect(scores).toMatchObject({ ece: NaN, mce: NaN, accuracy: NaN, confidence: NaN, pixels: 0 })
    expect(scores.bins).toHaveLength(15)
  })

  it('gives exactly the same scores however the images are split, ordered and merged', () => {
    const images = Array.from({ length: 8 }, (_, seed) => confident(seed + 10))
    const whole = errorOf(images).compute()
    for (const cut of [0, 1, 5, 8]) {
      const merged = errorOf(images.slice(cut).reverse())
      merged.merge(Calibration.fromJSON(JSON.parse(JSON.stringify(errorOf(images.slice(0, cut))))))
      expect(merged.compute()).toEqual(whole)
    }
    // One image of all pixels, in any order, has the same scores.
    const all = images.flatMap(({ target, prediction, confidence }) =>
      [...target].map((t, i) => [t, prediction[i], confidence[i]] as const),
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

  it('sums images with more pixels than it adds at once', () => {
    const pixels = 2 ** 21 + 3
    const confidence = new Float32Array(pixels).fill(0.7)
    const image = { ...imageOf(new Uint8Array(pixels), new Uint8Array(pixels)), confidence }
    expect(errorOf([image]).compute()).toMatchObject({ confidence: Math.fround(0.7), pixels })
  })

  it('does not round the sum of confidences that does not fit one double', () => {
    const pixels = 2 ** 22 + 2
    const least = 2 ** -8 + 2 ** -31
    const confidence = new Float32Array(pixels).fill(1).with(pixels - 1, least)
    const image = { ...imageOf(new Uint8Array(pixels), new Uint8Array(pixels)), confidence }
    const [bin] = errorOf([image], 1).toJSON().bins
    const parts = bin.confidence.reduce((sum, part) => sum + units(part), 0n)
    expect(parts).toBe(BigInt(pixels - 1) * units(1) + units(least))
  })

  it('names the pixel of an invalid confidence or id, and counts nothing of that image', () => {
    const error = errorOf([confident(7)])
    const before = error.toJSON()
    const image = imageOf(new Uint8Array(6), new Uint8Array(6), { width: 3, name: 'lindau_000001' })
    const update = (confidence: Float32Array, ids = {}) => error.update({ ...image, ...ids, confidence })
    const good = new Float32Array(6)
    for (const bad of [NaN, -0.25, 1.5, Infinity]) {
      expect(() => update(good.with(4, bad))).toThrow(
        `lindau_000001 has the confidence ${bad} at column 1, row 1; allowed are 0 to 1.`,
      )
    }
    expect(() => update(new Float32Array(5))).toThrow(
      '`confidence` must have 6 elements, one per pixel, got 5.',
    )
    expect(() => update(good, { target: new Uint8Array(6).with(3, 4) })).toThrow(
      'target id 4 at column 0, row 1',
    )
    expect(() => update(good, { prediction: new Uint8Array(6).fill(254) })).toThrow('predicted id 254')
    expect(() => update(good, { target: new Uint8Array(5) })).toThrow('has 5 target ids')
    expect(error.toJSON()).toEqual(before)
  })

  it('rejects different options, and JSON that is not a state', () => {
    const error = errorOf([confident(4)])
    expect(() => error.merge(errorOf([], 10))).toThrow(/"bins":10.*"bins":15/)
    for (const bins of [0, 1.5, 1e6, NaN]) {
      expect(() => new Calibration({ bins })).toThrow(
        `\`bins\` must be an integer from 1 to 10000, got ${bins}.`,
      )
    }
    const json = error.toJSON()
    const changed = (change: object) => ({ ...json, bins: [{ ...json.bins[0], ...change }] })
    for (const [bad, message] of [
      [
        null,
        /^The JSON is not a state of inverseform\.calibration-error, version 1: its format is undefined, /,
      ],
      [{ ...json, bins: [] }, /damaged: `bins` must be an integer from 1 to 10000, got 0\./],
      [{ ...json, ignoreIndex: 0.5 }, /damaged: `ignoreIndex` must be an integer or null, got 0\.5\./],
      [changed({ count: -1 }), /damaged: bins\[0\]\.count is -1, not a count\./],
      [changed({ correct: 1e9 }), /damaged: bins\[0\]\.correct is 1000000000, above its limit \d+\./],
      [changed({ confidence: [null] }), /bins\[0\]\.confidence is \[null\], not the parts of a sum/],
      [changed({ confidence: [1.7e308, 1.7e308] }), /bins\[0\]\.confidence is \[1\.7e\+308, /],
      [changed({ confidence: [-0.5] }), /bins\[0\]\.confidence is \[-0\.5\], not/],
      [
        changed({ count: 2, correct: 0, confidence: [2, 2 ** -51] }),
        /bins\[0\]\.confidence is 2\.\d+, above its limit 2/,
      ],
      [{ ...json, bins: [null] }, /damaged: bins\[0\] is null, not an object\./],
    ] as const) {
      expect(() => Calibration.fromJSON(bad)).toThrow(message)
    }
  })
})
