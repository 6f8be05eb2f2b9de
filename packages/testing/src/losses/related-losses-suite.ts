import {
  activeBoundaryLoss,
  boundaryLoss,
  diceLoss,
  focalLoss,
  focalTverskyLoss,
  hausdorffLoss,
  labelRelaxationLoss,
  lovaszSoftmaxLoss,
  type PlainTensor,
  regionMutualInformationLoss,
  type SegmentationLossInputs,
  type SortOps,
  type TensorOps,
  tverskyLoss,
} from '@inverseform/core'
import { type ArrayTensor, arrayOps, valueAndGrad } from '@inverseform/core/array'
import { describe, expect, it } from 'vitest'
import type { Binding } from './binding-suite.js'
import { relativeError } from './compare.js'
import { type Case, randomCase, randomNumbers } from './random-case.js'

type Loss = <T>(ops: TensorOps<T> & SortOps<T>, inputs: SegmentationLossInputs<T>) => T
const named = (name: string, loss: Loss) => ({ name, loss })

/** The softmax of float32 logits and its sums have six digits. Gradients from their differences have one digit less. */
const [valueTolerance, gradientTolerance] = [1e-5, 1e-4]

const losses = [
  named('dice', diceLoss),
  named('squared dice per image', (on, x) =>
    diceLoss(on, x, { squared: true, perImage: true, smooth: 0, classes: 'present' }),
  ),
  named('tversky', tverskyLoss),
  named('focal tversky', focalTverskyLoss),
  named('focal', focalLoss),
  named('focal of sigmoids', (on, x) => focalLoss(on, x, { activation: 'sigmoid', alpha: 0.25, gamma: 1.5 })),
  named('lovász-softmax', lovaszSoftmaxLoss),
  named('lovász-softmax of all classes per image', (on, x) =>
    lovaszSoftmaxLoss(on, x, { perImage: true, classes: 'all' }),
  ),
  named('boundary', boundaryLoss),
  named('hausdorff', (on, x) =>
    hausdorffLoss(on, { ...x, predictions: Int32Array.from(x.target, (_, i) => (i * 7 + (i >> 2)) % 3) }),
  ),
  named('active boundary', activeBoundaryLoss),
  named('active boundary, not detached', (on, x) =>
    activeBoundaryLoss(on, x, { detachNeighbors: false, maxBoundaryShare: 0.2, distances: 'exact' }),
  ),
  named('region mutual information', regionMutualInformationLoss),
  named('region mutual information, not downsampled', (on, x) =>
    regionMutualInformationLoss(on, x, { downsampling: 1, radius: 2 }),
  ),
  named('label relaxation', labelRelaxationLoss),
  named('label relaxation by the batch', (on, x) =>
    labelRelaxationLoss(on, x, { perImage: false, norm: true, countNearIgnored: true }),
  ),
]

const random = randomCase(2, 3, 11, 9)
const doubles = arrayOps({ type: 'float64' })

const shaped = ({ logits, images, numClasses, height, width }: Case): PlainTensor => ({
  data: logits,
  shape: [images, numClasses, height, width],
})
const double = (loss: Loss, of: Case) =>
  valueAndGrad((logits: ArrayTensor) => loss(doubles, { logits, target: of.target }))(
    doubles.constant(of.logits, shaped(of).shape),
  )

/** Compares every related loss with the array binding in double precision. */
export function checkRelatedLosses<T>({ ops, differentiate }: Binding<T>): void {
  const both = async (loss: Loss, of: Case) => ({
    ours: await differentiate((logits) => loss(ops, { logits, target: of.target }), [shaped(of)]),
    theirs: double(loss, of),
  })

  it.each(losses)('$name', async ({ loss }) => {
    const { ours, theirs } = await both(loss, random)
    expect(relativeError([ours.value], [theirs.value])).toBeLessThan(valueTolerance)
    expect(relativeError(ours.gradients[0].data, theirs.gradients[0].data)).toBeLessThan(gradientTolerance)
  })

  it('region mutual information with ties in max pooling', async () => {
    const of = randomCase(1, 2, 24, 24)
    const tied = { ...of, logits: of.logits.map((x) => Math.round(x / 2)) }
    const { ours, theirs } = await both((on, x) => regionMutualInformationLoss(on, x, { lambda: 0 }), tied)
    expect(relativeError([ours.value], [theirs.value])).toBeLessThan(valueTolerance)
    expect(relativeError(ours.gradients[0].data, theirs.gradients[0].data)).toBeLessThan(gradientTolerance)
  })

  describe('Lovász-softmax', () => {
    it('of many pixels, per image and over the batch', async () => {
      const many = randomCase(2, 4, 33, 47, { seed: 2 })
      for (const perImage of [false, true]) {
        const { ours, theirs } = await both((on, x) => lovaszSoftmaxLoss(on, x, { perImage }), many)
        expect(relativeError([ours.value], [theirs.value])).toBeLessThan(valueTolerance)
        expect(relativeError(ours.gradients[0].data, theirs.gradients[0].data)).toBeLessThan(
          gradientTolerance,
        )
      }
    })

    it('does not depend on the order of equal errors', async () => {
      // Logits of only two values give few different errors, so most pixels tie, correct ones with wrong ones.
      const tied = { ...random, logits: random.logits.map((x) => (x > 0 ? 1 : 0)) }
      const { ours, theirs } = await both(lovaszSoftmaxLoss, tied)
      expect(relativeError([ours.value], [theirs.value])).toBeLessThan(valueTolerance)
      expect(Array.from(ours.gradients[0].data).every(Number.isFinite)).toBe(true)
    })
  })
}

/** Checks the documented behavior of `descendingSums` for any order of equal keys. */
export function checkSorting<T>({ ops, run, differentiate }: Binding<T>): void {
  const next = randomNumbers(5)
  // Lengths around and above the block size of the libraries.
  const cases = [1, 2, 63, 64, 65, 1000].flatMap((length) => [
    { length, what: 'distinct', keys: 2 ** 20 },
    { length, what: 'equal', keys: 3 },
  ])
  it.each(cases)('rows of $length, many keys $what', async ({ length, keys: distinct }) => {
    const shape = [3, 2, length]
    const tensor = (of: () => number) => ({ data: Float32Array.from({ length: 6 * length }, of), shape })
    const keys = tensor(() => Math.floor(next() * distinct) / distinct)
    const values = tensor(() => Math.floor(next() * 100))
    const ones = tensor(() => 1)
    const data = Array.from(
      (await run((k, v, one) => ops.concat(ops.descendingSums(k, [v, one]), 0), [keys, values, ones])).data,
    )
    const [sums, places] = [data.slice(0, 6 * length), data.slice(6 * length)]
    for (let start = 0; start < 6 * length; start += length) {
      const row = Array.from({ length }, (_, i) => start + i).sort((i, j) => places[i] - places[j])
      let sum = 0
      const expected = row.map((at) => (sum += values.data[at]))
      expect(row.map((at) => places[at])).toEqual(row.map((_, i) => i + 1))
      expect(row.map((at) => sums[at])).toEqual(expected)
      const sorted = row.map((at) => keys.data[at])
      expect(sorted).toEqual(sorted.toSorted((x, y) => y - x))
    }
  })

  it('has no gradient', async () => {
    const x = { data: Float32Array.from({ length: 20 }, next), shape: [4, 5] }
    const { gradients } = await differentiate(
      (keys, values) => ops.sum(ops.descendingSums(keys, [values])[0]!),
      [x, x],
    )
    for (const { data } of gradients) expect(Array.from(data)).toEqual(Array(20).fill(0))
  })
}
