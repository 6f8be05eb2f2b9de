import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { bootstrap } from '../../src/metrics/bootstrap.js'
import { averageScore } from '../../src/metrics/class-scores.js'
import { PerImageScores } from '../../src/metrics/per-image.js'
import { imageOf, matrixOf, randomImage } from './images.js'

function scoresOf(images: readonly ReturnType<typeof randomImage>[], classes: number): PerImageScores {
  const scores = new PerImageScores({ numClasses: classes })
  for (const image of images) scores.update({ ...image, name: image.name! })
  return scores
}

/** Creates images of 100 pixels of class 0; a random fraction of each is predicted correctly. */
const accuracyImages = (count: number, seed: number) => {
  const next = seededRandom(seed)
  return Array.from({ length: count }, (_, i) => {
    const right = Math.floor(next() * 101)
    const prediction = Uint8Array.from({ length: 100 }, (_, p) => (p < right ? 0 : 1))
    return { ...imageOf(new Uint8Array(100), prediction), name: `image ${i}` }
  })
}
const accuracy = (classes: Parameters<typeof averageScore>[0]): number =>
  averageScore(classes, { metric: 'recall', classes: [0] })

describe('bootstrap', () => {
  it('estimates the score of the data set, and contains it', () => {
    const images = Array.from({ length: 12 }, (_, i) => randomImage(i, 200, 4))
    const scores = scoresOf(images, 4)
    const interval = bootstrap(scores)
    expect(interval.estimate).toBe(matrixOf(images, { numClasses: 4 }).compute().meanIou)
    expect(interval.low).toBeLessThan(interval.estimate)
    expect(interval.high).toBeGreaterThan(interval.estimate)
    expect(interval.samples).toBe(1000)
    const dice = bootstrap(scores, (classes) => averageScore(classes, { metric: 'dice' }))
    expect(dice.estimate).toBe(matrixOf(images, { numClasses: 4 }).compute().meanDice)
  })

  it('is the normal interval if the score is a mean of many images', () => {
    // Equal numbers of pixels: the data set's accuracy is the mean of the images' own, whose error is known.
    const images = accuracyImages(150, 5)
    const own = images.map(({ prediction }) => [...prediction].filter((id) => id === 0).length / 100)
    const mean = own.reduce((a, b) => a + b) / own.length
    const error = Math.sqrt(own.reduce((sum, x) => sum + (x - mean) ** 2, 0)) / own.length
    const interval = bootstrap(scoresOf(images, 2), accuracy, { samples: 20_000, seed: 3 })
    expect(interval.estimate).toBeCloseTo(mean, 12)
    // The bounds of 20000 resamples are within some 2 % of a standard error or two of the limit.
    expect(Math.abs(interval.standardError - error)).toBeLessThan(0.02 * error)
    expect(Math.abs(interval.low - (mean - 1.959964 * error))).toBeLessThan(0.06 * error)
    expect(Math.abs(interval.high - (mean + 1.959964 * error))).toBeLessThan(0.06 * error)
    const narrow = bootstrap(scoresOf(images, 2), accuracy, { samples: 20_000, confidence: 0.5 })
    expect(Math.abs(narrow.high - (mean + 0.67449 * error))).toBeLessThan(0.06 * error)
  })

  it('draws every resample of two images as often as chance predicts', () => {
    // 0 %, 100 %: resamples have accuracy 0, 1/2 (half of them) and 1.
    const images = [new Uint8Array(100).fill(1), new Uint8Array(100)].map((prediction, i) => ({
      ...imageOf(new Uint8Array(100), prediction),
      name: `image ${i}`,
    }))
    const seen: number[] = []
    const { low, high } = bootstrap(
      scoresOf(images, 2),
      (classes) => {
        seen.push(accuracy(classes))
        return seen.at(-1)!
      },
      { samples: 4000 },
    )
    expect([low, high]).toEqual([0, 1])
    const share = (value: number): number => seen.filter((x) => x === value).length / seen.length
    expect(share(0.5)).toBeCloseTo(0.5, 1)
    expect(share(0)).toBeCloseTo(0.25, 1)
    expect(share(0) + share(0.5) + share(1)).toBe(1)
  })

  it('has the standard deviation of a sample, over n - 1', () => {
    const seen: number[] = []
    const { standardError } = bootstrap(
      scoresOf(accuracyImages(5, 1), 2),
      (classes) => {
        seen.push(accuracy(classes))
        return seen.at(-1)!
      },
      { samples: 3 },
    )
    // The estimate comes last and is not a resample.
    const [a, b, c] = seen.slice(0, 3) as [number, number, number]
    const byPairs = ((a - b) ** 2 + (b - c) ** 2 + (c - a) ** 2) / 6
    expect(byPairs).toBeGreaterThan(0)
    expect(standardError).toBeCloseTo(Math.sqrt(byPairs), 14)
  })

  it('is the same for a seed, whatever the order of the images, and differs between seeds', () => {
    const images = Array.from({ length: 8 }, (_, i) => randomImage(i + 50, 200, 4))
    const options = { samples: 200, seed: 11 }
    const one = bootstrap(scoresOf(images, 4), averageScore, options)
    expect(bootstrap(scoresOf(images.toReversed(), 4), averageScore, options)).toEqual(one)
    expect(bootstrap(scoresOf(images, 4), averageScore, { ...options, seed: 12 }).low).not.toBe(one.low)
  })

  it('leaves out resamples without a score', () => {
    // Class 1 is in one image of four: about a third of the resamples lack it.
    const images = [0, 0, 0, 1].map((id, i) => ({
      ...imageOf(Uint8Array.of(id, 0), Uint8Array.of(id, 0)),
      name: `${i}`,
    }))
    const interval = bootstrap(scoresOf(images, 2), (classes) =>
      averageScore(classes, { classes: [1], nanPolicy: 'propagate' }),
    )
    expect(interval).toMatchObject({ estimate: 1, low: 1, high: 1, standardError: 0 })
    expect(interval.samples / 1000).toBeCloseTo(1 - 0.75 ** 4, 1)
    const never = bootstrap(scoresOf(images, 2), () => Number.NaN)
    expect(never).toEqual({
      estimate: NaN,
      low: NaN,
      high: NaN,
      standardError: NaN,
      confidence: 0.95,
      samples: 0,
    })
  })

  it('rejects missing images and options out of range', () => {
    expect(() => bootstrap(new PerImageScores())).toThrow('The scores contain no images to resample.')
    const scores = scoresOf([randomImage(1, 10, 4)], 4)
    for (const samples of [1, 2.5, 1e7, NaN]) {
      expect(() => bootstrap(scores, averageScore, { samples })).toThrow(
        `\`samples\` must be an integer from 2 to 1000000, got ${samples}.`,
      )
    }
    for (const seed of [0.5, NaN, Infinity]) {
      expect(() => bootstrap(scores, averageScore, { seed })).toThrow(
        `\`seed\` must be an integer, got ${seed}.`,
      )
    }
    for (const confidence of [0, 1, 95, NaN]) {
      expect(() => bootstrap(scores, averageScore, { confidence })).toThrow(
        `\`confidence\` must be a finite number above 0 and below 1, got ${confidence}.`,
      )
    }
  })
})
