import { type Case, randomCase } from '@inverseform/testing/losses'
import { describe, expect, it } from 'vitest'
import { type ActiveBoundaryLossOptions, activeBoundaryLoss } from '../../../src/index.js'
import {
  codeOf,
  differences,
  gradient,
  maxDifference,
  ops,
  probabilities,
  scalar,
  tensorOf,
} from './support.js'

const steps = [
  [1, 0],
  [-1, 0],
  [0, -1],
  [0, 1],
  [-1, 1],
  [1, 1],
  [-1, -1],
  [1, -1],
  [0, 0],
] as const

/** Computes the loss pixel by pixel with lists of boundary pixels. Neighbors may have other logits than the pixels. */
function byLoops(
  of: Case,
  {
    maxBoundaryShare = 0.01,
    maxDistance = 20,
    labelSmoothing = 0.2,
    distances = 'whole',
  }: ActiveBoundaryLossOptions = {},
  neighbors = of,
): number {
  const { images, numClasses, height, width, target } = of
  const p = probabilities(of)
  const q = probabilities(neighbors)
  const all = Array.from({ length: images * height * width }, (_, i) => {
    const pixel = i % (height * width)
    return { n: Math.floor(i / (height * width)), y: Math.floor(pixel / width), x: pixel % width }
  })
  const label = (n: number, y: number, x: number) => target[(n * height + y) * width + x]
  const clamp = (value: number, size: number) => Math.min(Math.max(value, 0), size - 1)
  const within = (y: number, x: number) => y >= 0 && x >= 0 && y < height && x < width

  const isTarget = (n: number, y: number, x: number) =>
    label(n, y, x) === 255 ||
    (y + 1 < height && label(n, y + 1, x) !== label(n, y, x)) ||
    (x + 1 < width && label(n, y, x + 1) !== label(n, y, x))
  const targetBoundary = all.filter(({ n, y, x }) => isTarget(n, y, x))
  const distance = (n: number, y: number, x: number) => {
    if (!within(y, x)) return 1e5
    const own = targetBoundary.filter((other) => other.n === n)
    if (own.length === 0) return 0
    const distance = Math.max(Math.min(...own.map((other) => Math.hypot(other.y - y, other.x - x))) - 1, 0)
    return distances === 'exact' ? distance : Math.floor(distance)
  }

  // The KL divergence of the second pixel's distribution from the first's.
  const divergence = (n: number, y: number, x: number, v: number, u: number, second = q) => {
    let sum = 0
    for (let c = 0; c < numClasses; c++) {
      const a = p(n, c, y * width + x)
      const b = second(n, c, v * width + u)
      sum += b * (Math.log(b) - Math.log(a))
    }
    return sum
  }
  const change = all.map(({ n, y, x }) => {
    const below = y + 1 < height ? divergence(n, y + 1, x, y, x, p) : 0
    const right = x + 1 < width ? divergence(n, y, x + 1, y, x, p) : 0
    return below + right
  })
  let threshold = 1e-5
  while (change.filter((value) => value > threshold).length > maxBoundaryShare * height * width) {
    threshold *= 1.2
  }
  const seeds = all.filter((_, i) => change[i] > threshold)
  const predicted = all.filter(({ n, y, x }) =>
    seeds.some((seed) => seed.n === n && Math.abs(seed.y - y) <= 1 && Math.abs(seed.x - x) <= 1),
  )

  let sum = 0
  let judged = 0
  for (const { n, y, x } of predicted) {
    if (!targetBoundary.some((other) => other.n === n)) continue
    const around = steps.map(([dy, dx]) => distance(n, y + dy, x + dx))
    const goal = around.indexOf(Math.min(...around))
    if (goal === 8) continue
    const scores = steps
      .slice(0, 8)
      .map(([dy, dx]) => divergence(n, y, x, clamp(y + dy, height), clamp(x + dx, width)))
    const norm = Math.log(scores.reduce((total, score) => total + Math.exp(score), 0))
    const surprise = scores.reduce(
      (total, score, d) => total - (d === goal ? 1 - labelSmoothing : labelSmoothing / 8) * (score - norm),
      0,
    )
    sum += (surprise * Math.min(distance(n, y, x), maxDistance)) / maxDistance
    judged++
  }
  return judged === 0 ? 0 : sum / judged
}

/** Two large regions, so that distances matter, and a slightly wrong prediction. */
function halves(seed: number): Case {
  const of = randomCase(2, 3, 12, 15, { seed })
  const target = of.target.map((_, i) => (i % 180 === 7 ? 255 : i % 15 < 4 ? 0 : 2))
  const logits = of.logits.map((value, i) => {
    const left = i % 15 < 11
    const c = Math.floor(i / 180) % 3
    return 0.2 * value + (c === (left ? 0 : 2) ? 1.5 : 0)
  })
  return { ...of, target, logits }
}

const wide = randomCase(1, 3, 40, 40)
const large: Case = { ...wide, target: wide.target.map((_, i) => (i % 40 < 3 ? 1 : 2)) }

const cases: [string, Case, ActiveBoundaryLossOptions][] = [
  ['blobs', randomCase(2, 3, 11, 9), { maxBoundaryShare: 0.4, distances: 'exact' }],
  [
    'blobs, many boundaries',
    randomCase(2, 3, 11, 9, { seed: 2 }),
    { maxBoundaryShare: 0.3, distances: 'exact' },
  ],
  ['halves', halves(3), { maxBoundaryShare: 0.1 }],
  ['halves, other options', halves(4), { maxBoundaryShare: 0.2, maxDistance: 3, labelSmoothing: 0 }],
  ['a large image, defaults', large, {}],
  ['every pixel', halves(5), { maxBoundaryShare: 1 }],
  ['every pixel, exact distances', halves(6), { maxBoundaryShare: 1, distances: 'exact' }],
]

describe('active boundary loss', () => {
  it.each(cases)('matches loops: %s', (_, of, options) => {
    const expected = byLoops(of, options)
    const actual = activeBoundaryLoss(ops, { logits: tensorOf(ops, of), target: of.target }, options)
    expect(expected).toBeGreaterThan(0)
    expect(scalar(actual)).toBeCloseTo(expected, 11)
  })

  it.each(cases.slice(2, 4))('by default has the gradient for fixed neighbors: %s', (_, of, options) => {
    // Checks only a part of the logits to save time.
    const moved = (logits: Float64Array) => Float64Array.from([...logits, ...of.logits.subarray(200)])
    const loops = differences(
      (logits) => byLoops({ ...of, logits: moved(logits) }, options, of),
      of.logits.slice(0, 200),
    )
    const exact = gradient((logits) => activeBoundaryLoss(ops, { logits, target: of.target }, options), of)
    const first = Array.from({ length: 200 }, (_, i) => exact[i])
    expect(first.some((value) => Math.abs(value) > 1e-5)).toBe(true)
    expect(maxDifference(first, loops)).toBeLessThan(1e-8)
  })

  it('decreases as the predicted boundary approaches the target', () => {
    const at = (column: number) => {
      const of = randomCase(1, 2, 16, 24, { ignored: 0 })
      const target = of.target.map((_, i) => (i % 24 < 6 ? 0 : 1))
      const logits = of.logits.map((_, i) => (i % 24 < column === i < 384 ? 2 : 0))
      return scalar(
        activeBoundaryLoss(
          ops,
          { logits: ops.constant(logits, [1, 2, 16, 24]), target },
          { maxBoundaryShare: 0.05 },
        ),
      )
    }
    expect(at(18)).toBeGreaterThan(at(12))
    expect(at(12)).toBeGreaterThan(at(9))
    expect(at(6)).toBe(0)
  })

  it('rejects invalid options', () => {
    const [, of] = cases[0]
    const run = (options: ActiveBoundaryLossOptions) => () =>
      activeBoundaryLoss(ops, { logits: tensorOf(ops, of), target: of.target }, options)
    expect(codeOf(run({ maxDistance: 0 }))).toBe('invalid-argument')
    expect(codeOf(run({ distances: 'near' as 'exact' }))).toBe('invalid-argument')
    expect(codeOf(run({ labelSmoothing: 2 }))).toBe('invalid-argument')
    expect(codeOf(run({ maxBoundaryShare: Number.NaN }))).toBe('invalid-argument')
  })
})
