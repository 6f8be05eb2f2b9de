import { describe, expect, it } from 'vitest'
import { type ArrayTensor, valueAndGrad } from '../../src/array/index.js'
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
} from '../../src/losses/neighbours/index.js'
import { relativeError } from '../support/compare.js'
import {
  codeOf,
  differences,
  gradient,
  maxDifference,
  ops,
  randomCase,
  scalar,
  single,
  tensorOf,
} from './support.js'

type Labels = Uint8Array
type Loss = (on: typeof ops, logits: ArrayTensor, labels: Labels) => ArrayTensor

/** A prediction that does not change with the logits, so that the loss is smooth. */
const fixedPredictions = (labels: Labels, classes: number) =>
  labels.map((_, i) => (i * 7 + (i >> 2)) % classes)

const losses: Record<string, Loss> = {
  dice: (on, logits, labels) => diceLoss(on, { logits, labels }),
  'squared dice per image, unsmoothed': (on, logits, labels) =>
    diceLoss(on, { logits, labels }, { squared: true, perImage: true, smooth: 0, classes: 'present' }),
  tversky: (on, logits, labels) => tverskyLoss(on, { logits, labels }),
  'tversky, unsmoothed': (on, logits, labels) => tverskyLoss(on, { logits, labels }, { smooth: 0 }),
  'focal tversky': (on, logits, labels) => focalTverskyLoss(on, { logits, labels }),
  focal: (on, logits, labels) => focalLoss(on, { logits, labels }),
  'focal, gamma 0.5': (on, logits, labels) => focalLoss(on, { logits, labels }, { gamma: 0.5 }),
  'focal, gamma 0': (on, logits, labels) => focalLoss(on, { logits, labels }, { gamma: 0 }),
  'focal of sigmoids': (on, logits, labels) =>
    focalLoss(on, { logits, labels }, { activation: 'sigmoid', alpha: 0.25, gamma: 1.5 }),
  'lovasz softmax': (on, logits, labels) => lovaszSoftmaxLoss(on, { logits, labels }),
  'lovasz softmax of all classes per image': (on, logits, labels) =>
    lovaszSoftmaxLoss(on, { logits, labels }, { perImage: true, classes: 'all' }),
  boundary: (on, logits, labels) => boundaryLoss(on, { logits, labels }),
  hausdorff: (on, logits, labels) =>
    hausdorffLoss(on, { logits, labels, predictions: fixedPredictions(labels, logits.shape[1]!) }),
  'label relaxation': (on, logits, labels) => labelRelaxationLoss(on, { logits, labels }),
  'label relaxation by the batch': (on, logits, labels) =>
    labelRelaxationLoss(on, { logits, labels }, { perImage: false, norm: true, countNearIgnored: true }),
  'active boundary, not detached': (on, logits, labels) =>
    activeBoundaryLoss(
      on,
      { logits, labels },
      { detachNeighbours: false, maxBoundaryShare: 0.2, distances: 'exact' },
    ),
  'region mutual information': (on, logits, labels) => regionMutualInformationLoss(on, { logits, labels }),
  'region mutual information alone, no downsampling': (on, logits, labels) =>
    regionMutualInformationLoss(on, { logits, labels }, { lambda: 0, downsampling: 1, radius: 2 }),
}

const random = randomCase(2, 3, 11, 9)
const finite = (values: ArrayLike<number>) => Array.from(values).every(Number.isFinite)

describe.each(Object.entries(losses))('%s', (name, loss) => {
  it('has the gradient that finite differences have', () => {
    const on = (labels: Labels) => (logits: ArrayTensor) => loss(ops, logits, labels)
    const numeric = differences(
      (logits) => scalar(on(random.labels)(ops.constant(logits, [2, 3, 11, 9]))),
      random.logits,
    )
    const exact = gradient(on(random.labels), random)
    const largest = numeric.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    expect(largest).toBeGreaterThan(1e-5)
    expect(maxDifference(exact, numeric) / largest).toBeLessThan(1e-6)
  })

  it('gives the same in single precision, to its digits', () => {
    const exact = scalar(loss(ops, tensorOf(ops, random), random.labels))
    const rounded = scalar(loss(single, tensorOf(single, random), random.labels))
    expect(Math.abs(rounded - exact)).toBeLessThan(1e-5 * Math.max(Math.abs(exact), 1))
  })

  it.each([
    ['logits of trained networks', (x: number) => 6 * x],
    ['logits far from 0', (x: number) => x + 1024],
  ])('gives the same in single precision, and so its gradient, for %s', (_, change) => {
    // Numbers that single precision holds, so that it is the loss that is judged.
    const of = { ...random, logits: Float64Array.from(Float32Array.from(random.logits, change)) }
    const run = (on: typeof ops) =>
      valueAndGrad((logits: ArrayTensor) => loss(on, logits, of.labels))(tensorOf(on, of))
    const [exact, rounded] = [run(ops), run(single)]
    expect(Math.abs(rounded.value - exact.value)).toBeLessThan(1e-5 * Math.max(Math.abs(exact.value), 1))
    expect(relativeError(rounded.gradients[0].data, exact.gradients[0].data)).toBeLessThan(1e-4)
  })

  it.each([
    ['everything ignored', randomCase(2, 3, 11, 9, { ignored: 1 })],
    ['one image all ignored', { ...random, labels: random.labels.map((label, i) => (i < 99 ? 255 : label)) }],
    ['one class', randomCase(2, 1, 11, 9)],
    ['no boundary', { ...random, labels: random.labels.map(() => 2) }],
    ['one image, odd sizes', randomCase(1, 5, 13, 7)],
    ['logits far apart', { ...random, logits: random.logits.map((x) => 1000 * x) }],
    ['equal logits', { ...random, logits: random.logits.map(() => 0) }],
  ])('is defined, with its gradient, for %s', (_, of) => {
    for (const on of [ops, single]) {
      expect(finite(loss(on, tensorOf(on, of), of.labels).data)).toBe(true)
    }
    expect(finite(gradient((logits) => loss(ops, logits, of.labels), of))).toBe(true)
  })

  it('takes an image of one pixel or says that it cannot', () => {
    const of = randomCase(1, 2, 1, 1, { ignored: 0 })
    const run = () => finite(gradient((logits) => loss(ops, logits, of.labels), of))
    if (name.startsWith('region mutual')) expect(codeOf(run)).toBe('size-mismatch')
    else expect(run()).toBe(true)
  })

  it('is 0, or RMI at its least, where everything is ignored', () => {
    const of = randomCase(2, 3, 11, 9, { ignored: 1 })
    const least = name.startsWith('region mutual')
      ? (name.includes('alone') ? 1 : 0.5) * 3 * 0.5 * Math.log(5e-4)
      : 0
    expect(scalar(loss(ops, tensorOf(ops, of), of.labels))).toBeCloseTo(least, 12)
    expect(
      maxDifference(
        gradient((logits) => loss(ops, logits, of.labels), of),
        of.logits.map(() => 0),
      ),
    ).toBe(0)
  })

  it('is not moved by logits where pixels do not count', () => {
    // The active boundary loss compares pixels with their neighbours, and so may relaxed labels take ignored pixels in.
    if (name.startsWith('active') || name.includes('by the batch')) return
    const values = gradient((logits) => loss(ops, logits, random.labels), random)
    random.labels.forEach((label, i) => {
      if (label !== 255) return
      for (let c = 0; c < 3; c++) expect(values[(Math.floor(i / 99) * 3 + c) * 99 + (i % 99)]! + 0).toBe(0)
    })
  })

  it('refuses labels that are not there or of no class', () => {
    const run = (labels: Labels) => () => loss(ops, tensorOf(ops, random), labels)
    expect(codeOf(run(random.labels.subarray(1)))).toBe('size-mismatch')
    expect(codeOf(run(random.labels.map(() => 3)))).toBe('invalid-argument')
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
  (on: typeof ops, inputs: { logits: ArrayTensor; labels: Labels }, options: { ignoreIndex?: number }) =>
    hausdorffLoss(on, { ...inputs, predictions: fixedPredictions(inputs.labels, 3) }, options),
])('%o ignores the label it is told to', (loss) => {
  const logits = tensorOf(ops, random)
  const labels = random.labels.map((label) => (label === 255 ? 0 : label === 0 ? 255 : label))
  const usual = loss(ops, { logits, labels }, {})
  const renamed = labels.map((label) => (label === 255 ? 7 : label))
  expect(scalar(loss(ops, { logits, labels: renamed }, { ignoreIndex: 7 }))).toBe(scalar(usual))
  expect(codeOf(() => loss(ops, { logits, labels: renamed }, {}))).toBe('invalid-argument')
})
