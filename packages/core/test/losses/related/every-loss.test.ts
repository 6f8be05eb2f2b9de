import { randomCase, relativeError } from '@inverseform/testing/losses'
import { describe, expect, it } from 'vitest'
import { type ArrayTensor, valueAndGrad } from '../../../src/array/index.js'
import {
  activeBoundaryLoss,
  boundaryLoss,
  diceLoss,
  focalLoss,
  focalTverskyLoss,
  hausdorffLoss,
  labelRelaxationLoss,
  lovaszSoftmaxLoss,
  regionMutualInformationLoss,
  tverskyLoss,
} from '../../../src/index.js'
import { codeOf, differences, gradient, maxDifference, ops, scalar, single, tensorOf } from './support.js'

type Labels = Uint8Array
type Loss = (on: typeof ops, logits: ArrayTensor, target: Labels) => ArrayTensor

/** Returns a prediction that does not depend on the logits, which makes the loss smooth. */
const fixedPredictions = (target: Labels, numClasses: number) =>
  target.map((_, i) => (i * 7 + (i >> 2)) % numClasses)

const losses: Record<string, Loss> = {
  dice: (on, logits, target) => diceLoss(on, { logits, target }),
  'squared dice per image, unsmoothed': (on, logits, target) =>
    diceLoss(on, { logits, target }, { squared: true, perImage: true, smooth: 0, classes: 'present' }),
  tversky: (on, logits, target) => tverskyLoss(on, { logits, target }),
  'tversky, unsmoothed': (on, logits, target) => tverskyLoss(on, { logits, target }, { smooth: 0 }),
  'focal tversky': (on, logits, target) => focalTverskyLoss(on, { logits, target }),
  focal: (on, logits, target) => focalLoss(on, { logits, target }),
  'focal, gamma 0.5': (on, logits, target) => focalLoss(on, { logits, target }, { gamma: 0.5 }),
  'focal, gamma 0': (on, logits, target) => focalLoss(on, { logits, target }, { gamma: 0 }),
  'focal of sigmoids': (on, logits, target) =>
    focalLoss(on, { logits, target }, { activation: 'sigmoid', alpha: 0.25, gamma: 1.5 }),
  'lovasz softmax': (on, logits, target) => lovaszSoftmaxLoss(on, { logits, target }),
  'lovasz softmax of all classes per image': (on, logits, target) =>
    lovaszSoftmaxLoss(on, { logits, target }, { perImage: true, classes: 'all' }),
  boundary: (on, logits, target) => boundaryLoss(on, { logits, target }),
  hausdorff: (on, logits, target) =>
    hausdorffLoss(on, { logits, target, predictions: fixedPredictions(target, logits.shape[1]) }),
  'label relaxation': (on, logits, target) => labelRelaxationLoss(on, { logits, target }),
  'label relaxation by the batch': (on, logits, target) =>
    labelRelaxationLoss(on, { logits, target }, { perImage: false, norm: true, countNearIgnored: true }),
  'active boundary, not detached': (on, logits, target) =>
    activeBoundaryLoss(
      on,
      { logits, target },
      { detachNeighbors: false, maxBoundaryShare: 0.2, distances: 'exact' },
    ),
  'region mutual information': (on, logits, target) => regionMutualInformationLoss(on, { logits, target }),
  'region mutual information alone, no downsampling': (on, logits, target) =>
    regionMutualInformationLoss(on, { logits, target }, { lambda: 0, downsampling: 1, radius: 2 }),
}

const random = randomCase(2, 3, 11, 9)
const finite = (values: ArrayLike<number>) => Array.from(values).every(Number.isFinite)

describe.each(Object.entries(losses))('%s', (name, loss) => {
  it('has a gradient that matches finite differences', () => {
    const on = (target: Labels) => (logits: ArrayTensor) => loss(ops, logits, target)
    const numeric = differences(
      (logits) => scalar(on(random.target)(ops.constant(logits, [2, 3, 11, 9]))),
      random.logits,
    )
    const exact = gradient(on(random.target), random)
    const largest = numeric.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    expect(largest).toBeGreaterThan(1e-5)
    expect(maxDifference(exact, numeric) / largest).toBeLessThan(1e-6)
  })

  it('has the same value in single precision, within its accuracy', () => {
    const exact = scalar(loss(ops, tensorOf(ops, random), random.target))
    const rounded = scalar(loss(single, tensorOf(single, random), random.target))
    expect(Math.abs(rounded - exact)).toBeLessThan(1e-5 * Math.max(Math.abs(exact), 1))
  })

  it.each([
    ['logits of trained networks', (x: number) => 6 * x],
    ['logits far from 0', (x: number) => x + 1024],
  ])('has the same value and gradient in single precision for %s', (_, change) => {
    // Uses logits that single precision represents exactly, so that the test measures only the loss.
    const of = { ...random, logits: Float64Array.from(Float32Array.from(random.logits, change)) }
    const run = (on: typeof ops) =>
      valueAndGrad((logits: ArrayTensor) => loss(on, logits, of.target))(tensorOf(on, of))
    const [exact, rounded] = [run(ops), run(single)]
    expect(Math.abs(rounded.value - exact.value)).toBeLessThan(1e-5 * Math.max(Math.abs(exact.value), 1))
    expect(relativeError(rounded.gradients[0].data, exact.gradients[0].data)).toBeLessThan(1e-4)
  })

  it.each([
    ['everything ignored', randomCase(2, 3, 11, 9, { ignored: 1 })],
    ['one image all ignored', { ...random, target: random.target.map((label, i) => (i < 99 ? 255 : label)) }],
    ['one class', randomCase(2, 1, 11, 9)],
    ['no boundary', { ...random, target: random.target.map(() => 2) }],
    ['one image, odd sizes', randomCase(1, 5, 13, 7)],
    ['logits far apart', { ...random, logits: random.logits.map((x) => 1000 * x) }],
    ['equal logits', { ...random, logits: random.logits.map(() => 0) }],
  ])('is finite, with its gradient, for %s', (_, of) => {
    for (const on of [ops, single]) {
      expect(finite(loss(on, tensorOf(on, of), of.target).data)).toBe(true)
    }
    expect(finite(gradient((logits) => loss(ops, logits, of.target), of))).toBe(true)
  })

  it('accepts an image of one pixel or throws', () => {
    const of = randomCase(1, 2, 1, 1, { ignored: 0 })
    const run = () => finite(gradient((logits) => loss(ops, logits, of.target), of))
    if (name.startsWith('region mutual')) expect(codeOf(run)).toBe('size-mismatch')
    else expect(run()).toBe(true)
  })

  it('is 0, or the minimum of RMI, if every pixel is ignored', () => {
    const of = randomCase(2, 3, 11, 9, { ignored: 1 })
    const least = name.startsWith('region mutual')
      ? (name.includes('alone') ? 1 : 0.5) * 3 * 0.5 * Math.log(5e-4)
      : 0
    expect(scalar(loss(ops, tensorOf(ops, of), of.target))).toBeCloseTo(least, 12)
    expect(
      maxDifference(
        gradient((logits) => loss(ops, logits, of.target), of),
        of.logits.map(() => 0),
      ),
    ).toBe(0)
  })

  it('does not depend on the logits of ignored pixels', () => {
    // The active boundary loss compares pixels with their neighbors, and label relaxation may count ignored pixels.
    if (name.startsWith('active') || name.includes('by the batch')) return
    const values = gradient((logits) => loss(ops, logits, random.target), random)
    random.target.forEach((label, i) => {
      if (label !== 255) return
      for (let c = 0; c < 3; c++) expect(values[(Math.floor(i / 99) * 3 + c) * 99 + (i % 99)] + 0).toBe(0)
    })
  })

  it('rejects targets of another size or class', () => {
    const run = (target: Labels) => () => loss(ops, tensorOf(ops, random), target)
    expect(codeOf(run(random.target.subarray(1)))).toBe('size-mismatch')
    expect(codeOf(run(random.target.map(() => 3)))).toBe('invalid-argument')
  })
})

it.each([
  diceLoss,
  tverskyLoss,
  focalTverskyLoss,
  focalLoss,
  lovaszSoftmaxLoss,
  boundaryLoss,
  activeBoundaryLoss,
  labelRelaxationLoss,
  regionMutualInformationLoss,
  (on: typeof ops, inputs: { logits: ArrayTensor; target: Labels }, options: { ignoreIndex?: number }) =>
    hausdorffLoss(on, { ...inputs, predictions: fixedPredictions(inputs.target, 3) }, options),
])('%o uses the ignore index', (loss) => {
  const logits = tensorOf(ops, random)
  const target = random.target.map((label) => (label === 255 ? 0 : label === 0 ? 255 : label))
  const usual = loss(ops, { logits, target }, {})
  const renamed = target.map((label) => (label === 255 ? 7 : label))
  expect(scalar(loss(ops, { logits, target: renamed }, { ignoreIndex: 7 }))).toBe(scalar(usual))
  expect(codeOf(() => loss(ops, { logits, target: renamed }, {}))).toBe('invalid-argument')
})
