import { type Case, randomCase, relativeError } from '@inverseform/testing/losses'
import { describe, expect, it } from 'vitest'
import { type LabelRelaxationLossOptions, labelRelaxationLoss } from '../../../src/index.js'
import { codeOf, ops, perfect, probabilities, scalar, single, tensorOf } from './support.js'

/** Computes the loss pixel by pixel from sets of classes. The logarithm is that of the larger of each class and their sum. */
function byLoops(of: Case, options: LabelRelaxationLossOptions): number {
  const { images, numClasses, height, width, target } = of
  const { border = 1, perImage = true, upperBound = 1, norm = false, countNearIgnored = false } = options
  const p = probabilities(of)
  const sets = Array.from({ length: images }, (_, n) =>
    Array.from({ length: height * width }, (_, i) => {
      const set = new Set<number>()
      const own = target[n * height * width + i]
      if (own === 255 && !countNearIgnored) return set.add(numClasses)
      for (let dy = -border; dy <= border; dy++) {
        for (let dx = -border; dx <= border; dx++) {
          const y = Math.floor(i / width) + dy
          const x = (i % width) + dx
          const inside = y >= 0 && x >= 0 && y < height && x < width
          const label = inside ? target[(n * height + y) * width + x] : 255
          set.add(label === 255 ? numClasses : label)
        }
      }
      return set
    }),
  )
  const weightOf = (c: number, among: Set<number>[]) => {
    const all = among.reduce((sum, set) => sum + set.size, 0)
    const share = among.filter((set) => set.has(c)).length / all
    if (share === 0) return 1
    return 1 + (norm ? upperBound / share : upperBound * (1 - share))
  }
  let loss = 0
  sets.forEach((image, n) => {
    let sum = 0
    let counted = 0
    image.forEach((set, i) => {
      const real = [...set].filter((c) => c < numClasses)
      if (real.length === 0) return
      const together = real.reduce((total, c) => total + p(n, c, i), 0)
      for (const c of real) {
        const weight = weightOf(c, perImage ? image : sets.flat())
        sum -= (weight * Math.log(Math.max(p(n, c, i), together))) / real.length
      }
      counted++
    })
    loss += sum / (counted + 1)
  })
  return options.reduction === 'mean' ? loss / images : loss
}

const random = randomCase(2, 4, 5, 7)
const inputs = (of: Case) => ({ logits: tensorOf(ops, of), target: of.target })

describe('label relaxation', () => {
  it.each<LabelRelaxationLossOptions>([
    {},
    { perImage: false },
    { norm: true, upperBound: 0.7 },
    { countNearIgnored: true },
    { countNearIgnored: true, perImage: false, norm: true, border: 2, reduction: 'mean' },
    { border: 0 },
  ])('matches loops: %j', (options) => {
    expect(scalar(labelRelaxationLoss(ops, inputs(random), options))).toBeCloseTo(
      byLoops(random, options),
      11,
    )
  })

  it('is 0 for a perfect prediction, and where every class is accepted', () => {
    expect(scalar(labelRelaxationLoss(ops, inputs(perfect(random))))).toBeCloseTo(0, 12)
    const { target } = random
    const striped = {
      ...random,
      numClasses: 2,
      logits: random.logits.slice(0, 140),
      target: target.map((_, i) => i % 2),
    }
    expect(scalar(labelRelaxationLoss(ops, inputs(striped)))).toBeCloseTo(0, 12)
  })

  it('is invariant to an offset of the logits, and exact for logits far apart', () => {
    const logits = [0.1, -0.3, 1.2, 0.4, 0.8, -1.1, 0.2, 0.9, -0.6, 0.3, 0.7, -0.2].map(
      (x) => Math.round(x * 128) / 128,
    )
    const target = Uint8Array.of(0, 1, 2, 1)
    const loss = (on: typeof ops, offset: number) => {
      const moved = on.constant(
        logits.map((x) => x + offset),
        [1, 3, 2, 2],
      )
      return scalar(labelRelaxationLoss(on, { logits: moved, target }, { border: 0 }))
    }
    for (const offset of [0, 1e3, 1e4, -1e5]) {
      expect(relativeError([loss(single, offset)], [loss(ops, 0)])).toBeLessThan(1e-6)
    }
    // Class 1 is 5000 above the target class 0, so -log p is 5000.
    const apart = ops.constant([0, 5000], [1, 2, 1, 1])
    const options = { border: 0, upperBound: 0 }
    // One pixel, divided by the number of pixels plus 1.
    expect(scalar(labelRelaxationLoss(ops, { logits: apart, target: Uint8Array.of(0) }, options))).toBe(2500)
  })

  it('without a border is the cross-entropy divided by the number of pixels plus 1', () => {
    const flat = { ...random, logits: random.logits.map(() => 1), target: random.target.map(() => 2) }
    const loss = labelRelaxationLoss(ops, inputs(flat), { border: 0, upperBound: 0 })
    expect(scalar(loss)).toBeCloseTo((2 * 35 * Math.log(4)) / 36, 12)
  })

  it('rejects invalid options', () => {
    const run = (options: LabelRelaxationLossOptions) => () =>
      labelRelaxationLoss(ops, inputs(random), options)
    expect(codeOf(run({ border: 0.5 }))).toBe('invalid-argument')
    expect(codeOf(run({ upperBound: -1 }))).toBe('invalid-argument')
    expect(codeOf(run({ reduction: 'none' as 'sum' }))).toBe('invalid-argument')
  })
})
