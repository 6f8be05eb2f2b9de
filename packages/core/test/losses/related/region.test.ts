import { type Case, randomCase } from '@inverseform/testing/losses'
import { describe, expect, it } from 'vitest'
import { diceLoss, focalTverskyLoss, lovaszSoftmaxLoss, tverskyLoss } from '../../../src/index.js'
import { codeOf, ops, perfect, probabilities, scalar, tensorOf } from './support.js'

const random = randomCase(3, 4, 5, 7)
const inputs = (of: Case) => ({ logits: tensorOf(ops, of), target: of.target })

/** Returns (p, g) of the valid pixels of a group, for each class. */
function groupsOf(of: Case, perImage: boolean) {
  const p = probabilities(of)
  const pixels = of.height * of.width
  return Array.from({ length: perImage ? of.images : 1 }, (_, group) =>
    Array.from({ length: of.numClasses }, (_, c) => {
      const pairs: [p: number, g: number][] = []
      of.target.forEach((label, i) => {
        const n = Math.floor(i / pixels)
        if (label !== 255 && (!perImage || n === group)) {
          pairs.push([p(n, c, i % pixels), label === c ? 1 : 0])
        }
      })
      return pairs
    }),
  )
}

function reduce(
  of: Case,
  { perImage, present }: { perImage: boolean; present: boolean },
  ofClass: (pairs: [number, number][]) => number,
): number {
  const values = groupsOf(of, perImage).map((classes) => {
    const judged = classes.filter((pairs) => !present || pairs.some(([, g]) => g === 1))
    return judged.length === 0 ? 0 : judged.map(ofClass).reduce((a, b) => a + b, 0) / judged.length
  })
  return values.reduce((a, b) => a + b, 0) / values.length
}

const total = (pairs: [number, number][], f: (p: number, g: number) => number) =>
  pairs.reduce((sum, [p, g]) => sum + f(p, g), 0)

// One class is absent, and one image has no valid pixels.
const sparse = {
  ...random,
  target: random.target.map((label, i) => (i < 35 ? 255 : label === 3 ? 1 : label)),
}

describe.each([random, sparse])('with %#', (of) => {
  for (const perImage of [false, true]) {
    for (const classes of ['all', 'present'] as const) {
      const how = { perImage, present: classes === 'present' }
      it(`Dice matches loops, ${classes}, per image ${perImage}`, () => {
        for (const squared of [false, true]) {
          const expected = reduce(of, how, (pairs) => {
            const size = total(pairs, (p, g) => (squared ? p * p + g * g : p + g))
            return 1 - (2 * total(pairs, (p, g) => p * g) + 0.3) / (size + 0.3)
          })
          const actual = diceLoss(ops, inputs(of), { perImage, classes, squared, smooth: 0.3 })
          expect(scalar(actual)).toBeCloseTo(expected, 12)
        }
      })

      it(`Tversky matches loops, ${classes}, per image ${perImage}`, () => {
        const index = (pairs: [number, number][]) => {
          const hits = total(pairs, (p, g) => p * g)
          const alarms = total(pairs, (p, g) => p * (1 - g))
          const misses = total(pairs, (p, g) => (1 - p) * g)
          return (hits + 1) / (hits + 0.3 * alarms + 0.7 * misses + 1)
        }
        const plain = reduce(of, how, (pairs) => 1 - index(pairs))
        expect(scalar(tverskyLoss(ops, inputs(of), { perImage, classes }))).toBeCloseTo(plain, 12)
        const focal = reduce(of, how, (pairs) => (1 - index(pairs)) ** 0.75)
        expect(scalar(focalTverskyLoss(ops, inputs(of), { perImage, classes }))).toBeCloseTo(focal, 12)
      })

      it(`Lovász-softmax matches the Jaccard losses of growing sets, ${classes}, per image ${perImage}`, () => {
        const expected = reduce(of, how, (pairs) => {
          const sorted = pairs
            .map(([p, g]) => ({ error: Math.abs(g - p), g }))
            .sort((a, b) => b.error - a.error)
          // The Jaccard loss of a prediction that is wrong at the first k pixels and right elsewhere.
          const jaccard = (k: number) => {
            const both = sorted.filter(({ g }, i) => g === 1 && i >= k).length
            const either = sorted.filter(({ g }, i) => g === 1 || i < k).length
            return either === 0 ? 0 : 1 - both / either
          }
          return sorted.reduce((sum, { error }, k) => sum + error * (jaccard(k + 1) - jaccard(k)), 0)
        })
        expect(scalar(lovaszSoftmaxLoss(ops, inputs(of), { perImage, classes }))).toBeCloseTo(expected, 12)
      })
    }
  }
})

describe('known values', () => {
  const right = inputs(perfect(random))
  const wrong = { ...right, target: random.target.map((label) => (label === 255 ? 255 : (label + 1) % 4)) }

  it.each([
    ['Dice', diceLoss],
    ['Tversky', tverskyLoss],
    ['focal Tversky', focalTverskyLoss],
    ['Lovász-softmax', lovaszSoftmaxLoss],
  ] as const)('%s is 0 for a perfect prediction, 1 for an entirely wrong one', (_, loss) => {
    expect(scalar(loss(ops, right))).toBeCloseTo(0, 12)
    const unsmoothed = { smooth: 0, classes: 'present' } as const
    expect(scalar(loss(ops, wrong, unsmoothed))).toBeCloseTo(1, 12)
  })

  it('Tversky with weights of 1/2 equals Dice', () => {
    const halves = { falsePositives: 0.5, falseNegatives: 0.5, smooth: 0.5 }
    expect(scalar(tverskyLoss(ops, inputs(random), halves))).toBeCloseTo(
      scalar(diceLoss(ops, inputs(random))),
      12,
    )
  })

  it('Lovász-softmax of a hard prediction is 1 minus its mean IoU', () => {
    const guess = perfect({
      ...random,
      target: random.target.map((label, i) => (i % 5 ? label : (i >> 2) % 4)),
    })
    let sum = 0
    for (let c = 0; c < 4; c++) {
      let both = 0
      let either = 0
      random.target.forEach((label, i) => {
        if (label === 255) return
        const predicted = (i % 5 ? label : (i >> 2) % 4) === c
        if (predicted && label === c) both++
        if (predicted || label === c) either++
      })
      sum += both / either
    }
    const loss = lovaszSoftmaxLoss(ops, { logits: tensorOf(ops, guess), target: random.target })
    expect(scalar(loss)).toBeCloseTo(1 - sum / 4, 12)
  })

  it('rejects invalid options', () => {
    expect(codeOf(() => diceLoss(ops, right, { smooth: -1 }))).toBe('invalid-argument')
    expect(codeOf(() => tverskyLoss(ops, right, { falsePositives: Number.NaN }))).toBe('invalid-argument')
    expect(codeOf(() => focalTverskyLoss(ops, right, { gamma: 0 }))).toBe('invalid-argument')
    expect(codeOf(() => lovaszSoftmaxLoss(ops, right, { classes: 'some' as 'all' }))).toBe('invalid-argument')
  })
})
