import { type Case, randomCase, randomNumbers } from '@inverseform/testing/losses'
import { describe, expect, it } from 'vitest'
import { boundaryLoss, distanceTransform, hausdorffLoss, signedDistanceMaps } from '../../../src/index.js'
import { codeOf, maxDifference, ops, perfect, probabilities, scalar, tensorOf } from './support.js'

/** Returns the distance to the nearest pixel that `counts`, by brute force. */
function nearest(counts: (i: number) => boolean, from: number, pixels: number, width: number): number {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < pixels; i++) {
    if (!counts(i)) continue
    const rows = Math.floor(i / width) - Math.floor(from / width)
    least = Math.min(least, Math.hypot(rows, (i % width) - (from % width)))
  }
  return least
}

describe('distance transform', () => {
  it.each([
    [1, 1, 0.5],
    [1, 17, 0.2],
    [17, 1, 0.2],
    [16, 23, 0.5],
    [23, 16, 0.1],
    [31, 29, 0.005],
    [8, 9, 0],
    [8, 9, 1],
  ])('of %dx%d pixels, a share of %d set, matches brute force', (height, width, share) => {
    const random = randomNumbers(height * 100 + width)
    for (let run = 0; run < 5; run++) {
      const mask = Uint8Array.from({ length: height * width }, () => (random() < share ? 1 : 0))
      const expected = Float64Array.from(mask, (_, i) =>
        nearest((at) => mask[at] === 1, i, mask.length, width),
      )
      const actual = distanceTransform(mask, height, width)
      if (mask.includes(1)) expect(maxDifference(actual, expected)).toBeLessThan(1e-12)
      else expect(actual.every((distance) => distance === Number.POSITIVE_INFINITY)).toBe(true)
    }
  })
})

it('the distance transform rejects masks of another size', () => {
  expect(codeOf(() => distanceTransform([1, 0], 3, 3))).toBe('size-mismatch')
  expect(codeOf(() => distanceTransform([1, 0], -1, 3))).toBe('invalid-argument')
  expect(codeOf(() => distanceTransform([], 0, 3))).toBe('invalid-argument')
})

const random = randomCase(2, 4, 7, 9)
const inputs = (of: Case) => ({ logits: tensorOf(ops, of), target: of.target })

/** Returns the distance of a valid pixel to the other side of a class; 0 without another side. */
function otherSide(map: Uint8Array, ignored: Uint8Array, c: number, i: number, width: number): number {
  if (ignored[i] === 255) return 0
  const inside = map[i] === c
  if (!map.some((label, at) => ignored[at] !== 255 && (label === c) === !inside)) return 0
  if (!map.some((label, at) => ignored[at] !== 255 && label === c)) return 0
  return nearest((at) => ignored[at] !== 255 && (map[at] === c) !== inside, i, map.length, width)
}

function meanOverClasses(of: Case, term: (n: number, c: number, i: number) => number): number {
  const pixels = of.height * of.width
  let sum = 0
  let counted = 0
  of.target.forEach((label, i) => {
    if (label === 255) return
    for (let c = 0; c < of.numClasses; c++) sum += term(Math.floor(i / pixels), c, i % pixels)
    counted++
  })
  return sum / counted / of.numClasses
}

describe('boundary loss', () => {
  const signed = (of: Case) => (n: number, c: number, i: number) => {
    const map = of.target.subarray(n * 63, (n + 1) * 63)
    const distance = otherSide(map, map, c, i, 9)
    return distance === 0 ? 0 : map[i] === c ? 1 - distance : distance
  }

  it('matches loops', () => {
    const p = probabilities(random)
    const phi = signed(random)
    const expected = meanOverClasses(random, (n, c, i) => p(n, c, i) * phi(n, c, i))
    expect(scalar(boundaryLoss(ops, inputs(random)))).toBeCloseTo(expected, 12)
    const distances = signedDistanceMaps(random.target, random)
    expect(scalar(boundaryLoss(ops, { ...inputs(random), distances }))).toBeCloseTo(expected, 12)
  })

  it('is lowest for a perfect prediction', () => {
    const phi = signed(random)
    const least = meanOverClasses(random, (n, c, i) => Math.min(phi(n, c, i), 0))
    expect(least).toBeLessThanOrEqual(0)
    expect(scalar(boundaryLoss(ops, inputs(perfect(random))))).toBeCloseTo(least, 12)
    expect(scalar(boundaryLoss(ops, inputs(random)))).toBeGreaterThan(least)
  })

  it('matches the published code on a half plane', () => {
    const target = Uint8Array.from({ length: 6 }, (_, i) => (i < 3 ? 0 : 1))
    const maps = signedDistanceMaps(target, { images: 1, numClasses: 3, height: 1, width: 6 })
    expect(Array.from(maps, (value) => value + 0)).toEqual([
      -2, -1, 0, 1, 2, 3, 3, 2, 1, 0, -1, -2, 0, 0, 0, 0, 0, 0,
    ])
  })

  it('puts ignored pixels on neither side', () => {
    const target = Uint8Array.of(0, 0, 255, 255, 1, 1)
    const maps = signedDistanceMaps(target, { images: 1, numClasses: 2, height: 1, width: 6 })
    expect(Array.from(maps)).toEqual([-3, -2, 0, 0, 3, 4, 4, 3, 0, 0, -2, -3])
  })

  it('rejects maps of another size', () => {
    expect(codeOf(() => boundaryLoss(ops, { ...inputs(random), distances: [0] }))).toBe('size-mismatch')
  })
})

describe('Hausdorff loss', () => {
  const predictions = random.target.map((_, i) => (i * 7 + (i >> 2)) % 4)

  it.each([1, 2, 3])('matches loops, alpha %d', (alpha) => {
    const p = probabilities(random)
    const expected = meanOverClasses(random, (n, c, i) => {
      const goal = random.target.subarray(n * 63, (n + 1) * 63)
      const guess = predictions.subarray(n * 63, (n + 1) * 63)
      const error = p(n, c, i) - (goal[i] === c ? 1 : 0)
      return error ** 2 * (otherSide(guess, goal, c, i, 9) ** alpha + otherSide(goal, goal, c, i, 9) ** alpha)
    })
    const actual = hausdorffLoss(ops, { ...inputs(random), predictions }, { alpha })
    expect(scalar(actual)).toBeCloseTo(expected, 11)
  })

  it('is 0 for a perfect prediction and the mean distance for an entirely wrong one', () => {
    const predicted = random.target.map((label) => (label === 255 ? 0 : label))
    const right = { ...inputs(perfect(random)), predictions: predicted }
    expect(scalar(hausdorffLoss(ops, right))).toBeCloseTo(0, 12)
    // Two swapped halves: errors 1, squared distances of 1, 2, 3 | 3, 2, 1 from the middle in both maps.
    const target = Uint8Array.of(0, 0, 0, 1, 1, 1)
    const swapped = perfect({
      images: 1,
      numClasses: 2,
      height: 1,
      width: 6,
      target,
      logits: new Float64Array(12),
    })
    const wrong = { logits: tensorOf(ops, swapped), target: target.map((c) => 1 - c), predictions: target }
    expect(scalar(hausdorffLoss(ops, wrong))).toBeCloseTo((2 * (1 + 4 + 9) * 4) / 12, 12)
  })

  it('rejects predictions of another size or class, and invalid powers', () => {
    const run =
      (changed: object, options = {}) =>
      () =>
        hausdorffLoss(ops, { ...inputs(random), predictions, ...changed }, options)
    expect(codeOf(run({ predictions: predictions.subarray(1) }))).toBe('size-mismatch')
    expect(codeOf(run({ predictions: predictions.map((c) => c + 1) }))).toBe('invalid-argument')
    expect(codeOf(run({}, { alpha: 0 }))).toBe('invalid-argument')
    const target = random.target.with(63 + 9 + 2, 0)
    for (const value of [30, 255]) {
      expect(run({ target, predictions: predictions.with(63 + 9 + 2, value) })).toThrow(
        `\`predictions\` must hold classes 0..3, got ${value} in image 1, row 1, column 2.`,
      )
    }
  })
})
