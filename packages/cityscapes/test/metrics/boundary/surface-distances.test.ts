import { describe, expect, it } from 'vitest'
import { SurfaceDistances } from '../../../src/metrics/boundary/surface-distances.js'
import {
  allImages,
  blobs,
  CLASSES,
  type Mask,
  masksOf,
  mean,
  oddImages,
  points,
  type TestImage,
} from './support.js'

/** Returns the pixels of a mask with one of their four neighbors outside it. */
function surface(mask: Mask, width: number, height: number): [x: number, y: number][] {
  const has = (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x]
  return points(mask, width).filter(
    ([x, y]) => !has(x - 1, y) || !has(x + 1, y) || !has(x, y - 1) || !has(x, y + 1),
  )
}

const nearest = (from: [number, number][], to: [number, number][]): number[] =>
  from.map(([x, y]) => Math.min(...to.map(([a, b]) => Math.hypot(x - a, y - b))))

/** Computes NumPy's `percentile` of values in any order. */
function percentile(values: number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const place = ((sorted.length - 1) * percent) / 100
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
  return low + (high - low) * (place % 1)
}

const tolerances = [0, 1, 1.5, 4]

function byPointSets(image: TestImage, c: number) {
  const masks = masksOf(image, c)
  const target = surface(masks.target, image.width, image.height)
  const prediction = surface(masks.prediction, image.width, image.height)
  if (target.length === 0 || prediction.length === 0) {
    return { missed: target.length > 0, spurious: prediction.length > 0 }
  }
  const [a, b] = [nearest(target, prediction), nearest(prediction, target)]
  const both = [...a, ...b]
  return {
    missed: false,
    spurious: false,
    distances: {
      hausdorff: Math.max(...both),
      hd95MaxOfDirected: Math.max(percentile(a, 95), percentile(b, 95)),
      hd95Pooled: percentile(both, 95),
      assdMeanOfDirected: (mean(a) + mean(b)) / 2,
      assdPooled: mean(both),
    },
    dice: tolerances.map((tolerance) => mean(both.map((distance) => (distance <= tolerance ? 1 : 0)))),
  }
}

const names = ['hausdorff', 'hd95MaxOfDirected', 'hd95Pooled', 'assdMeanOfDirected', 'assdPooled'] as const

describe('SurfaceDistances', () => {
  it.each(allImages())('equals the definition on point sets: $name', (image) => {
    const metric = new SurfaceDistances({ numClasses: CLASSES, tolerances })
    metric.update(image)
    metric.compute().classes.forEach((actual, c) => {
      const { missed, spurious, distances, dice } = byPointSets(image, c)
      expect(actual).toMatchObject({
        missed: Number(missed),
        spurious: Number(spurious),
        both: distances ? 1 : 0,
      })
      for (const name of names) {
        if (distances) expect(actual[name]).toBeCloseTo(distances[name], 12)
        else expect(actual[name]).toBeNaN()
      }
      actual.surfaceDice.forEach((value, k) => {
        if (dice) expect(value).toBeCloseTo(dice[k], 12)
        else expect(value).toBe(missed || spurious ? 0 : Number.NaN)
      })
    })
  })

  it('averages the images with the class in both maps and counts the others', () => {
    const images = [blobs(1), blobs(2), blobs(3), blobs(4), ...oddImages()]
    const metric = new SurfaceDistances({ numClasses: CLASSES, tolerances })
    for (const image of images) metric.update(image)
    const scores = metric.compute()
    scores.classes.forEach((actual, c) => {
      const expected = images.map((image) => byPointSets(image, c))
      const measured = expected.flatMap(({ distances }) => distances ?? [])
      expect(actual.both).toBe(measured.length)
      expect(actual.missed).toBe(expected.filter(({ missed }) => missed).length)
      expect(actual.spurious).toBe(expected.filter(({ spurious }) => spurious).length)
      if (measured.length > 0) {
        for (const name of names) expect(actual[name]).toBeCloseTo(mean(measured.map((of) => of[name])), 11)
      }
      const dice = expected.flatMap((of) => of.dice?.[2] ?? (of.missed || of.spurious ? 0 : []))
      expect(actual.surfaceDice[2]).toBeCloseTo(mean(dice), 12)
    })
    expect(scores.missed).toBe(scores.classes.reduce((sum, { missed }) => sum + missed, 0))
    expect(scores.spurious).toBe(scores.classes.reduce((sum, { spurious }) => sum + spurious, 0))
    expect(scores.missed).toBeGreaterThan(0)
    expect(scores.spurious).toBeGreaterThan(0)
    const known = scores.classes.map(({ hausdorff }) => hausdorff).filter((value) => !Number.isNaN(value))
    expect(scores.hausdorff).toBeCloseTo(mean(known), 12)
    expect(scores.meanSurfaceDice[1]).toBeCloseTo(mean(scores.classes.map((of) => of.surfaceDice[1])), 12)
  })

  it('distinguishes the two definitions of the 95th percentile and of the mean', () => {
    // A square and the same with a far pixel: only one direction is far.
    const [width, height] = [30, 12]
    const square = Uint8Array.from({ length: width * height }, (_, i) =>
      i % width > 2 && i % width < 9 && i > 3 * width && i < 9 * width ? 1 : 0,
    )
    const prediction = square.slice()
    for (let x = 20; x < 23; x++) prediction[5 * width + x] = 1
    const metric = new SurfaceDistances({ numClasses: 2 })
    metric.update({ target: square, prediction, width, height })
    const [, scores] = metric.compute().classes
    expect(scores.hausdorff).toBe(14)
    expect(scores.hd95MaxOfDirected).toBeGreaterThan(scores.hd95Pooled)
    expect(scores.assdMeanOfDirected).not.toBe(scores.assdPooled)
  })

  it.each([[[]], [[-1]], [[Number.NaN]], [[Number.POSITIVE_INFINITY]], [[2, 2]]])(
    'rejects the tolerances %j',
    (given) => {
      expect(() => new SurfaceDistances({ tolerances: given })).toThrow(
        /^`tolerances` must be a list of different /,
      )
    },
  )
})
