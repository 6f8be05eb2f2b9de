import { relativeError } from '@inverseform/testing/losses'
import { describe, expect, it } from 'vitest'
import { type ArrayTensor, arrayOps, valueAndGrad } from '../../src/array/index.js'
import { geodesicDistance } from '../../src/index.js'
import {
  type RegressionLossOptions,
  regressionLoss,
  sampleAffine,
  sampleHomography,
  sampleShiftAndScale,
  seededRandom,
  type Transform,
  transformMatrix,
} from '../../src/training/index.js'

const ops = arrayOps({ type: 'float64' })
const random = seededRandom(21)
const stack = (transforms: readonly Transform[]) => {
  const rows = transforms.map(({ parameters }) => parameters)
  return { data: Float64Array.from(rows.flat()), shape: [rows.length, rows[0].length] }
}
const cases: [string, (random: () => number) => Transform, RegressionLossOptions][] = [
  ['squared errors', sampleShiftAndScale, {}],
  ["Huber's function", sampleShiftAndScale, { huber: 0.15 }],
  ['the Euclidean distance', sampleAffine, { distance: 'euclidean' }],
  ['the geodesic distance', sampleHomography, { distance: 'geodesic' }],
]

describe('the regression loss', () => {
  it.each(cases)(
    'of %s is 0 at the target, and its gradient matches finite differences',
    (_, sample, options) => {
      const draw = () => stack(Array.from({ length: 5 }, () => sample(random)))
      const [estimate, target] = [draw(), draw()]
      const loss = (x: typeof estimate) => regressionLoss(ops, x, target, options)
      expect(loss(target).data[0]).toBeCloseTo(0, 10)
      expect(loss(estimate).data[0]).toBeGreaterThan(0.01)
      const { gradients } = valueAndGrad(loss)(estimate)
      const differences = Float64Array.from(estimate.data, (_, i) => {
        const at = (offset: number) => {
          const data = estimate.data.slice()
          data[i] += offset
          return loss({ ...estimate, data }).data[0]
        }
        return (at(1e-6) - at(-1e-6)) / 2e-6
      })
      expect(relativeError(gradients[0].data, differences)).toBeLessThan(1e-6)
    },
  )

  it('matches its definitions', () => {
    const estimate = ops.constant([0.1, -0.5, 0, 2], [1, 4])
    const target = { data: [0, 0, 0, 0], shape: [1, 4] }
    expect(regressionLoss(ops, estimate, target).data[0]).toBeCloseTo((0.01 + 0.25 + 4) / 4, 12)
    const huber = (0.005 + (0.2 * 0.5 - 0.02) + (0.2 * 2 - 0.02)) / 4
    expect(regressionLoss(ops, estimate, target, { huber: 0.2 }).data[0]).toBeCloseTo(huber, 12)
    const affine = ops.constant([1, 0, 3, 0, 1, 4], [1, 6])
    const identity = { data: [1, 0, 0, 0, 1, 0], shape: [1, 6] }
    expect(regressionLoss(ops, affine, identity, { distance: 'euclidean' }).data[0]).toBeCloseTo(5, 12)
  })

  it('of homographies is the geodesic distance of the estimate relative to the target', () => {
    const [relative, target] = [sampleHomography(random), sampleHomography(random)]
    const [a, b] = [relative.matrix, transformMatrix(target.parameters)]
    const product = Array.from({ length: 9 }, (_, i) =>
      [0, 1, 2].reduce((sum, k) => sum + a[Math.floor(i / 3) * 3 + k] * b[k * 3 + (i % 3)], 0),
    )
    const estimate = ops.constant(
      product.slice(0, 8).map((element) => element / product[8]),
      [1, 8],
    )
    const options = { distance: 'geodesic', lambda: 0.3 } as const
    // Of the relative homography H, scaled by s to the norm √3: ‖sH - P‖² = 6 - 2s tr PᵀH, where ‖H - P‖² = ‖H‖² - 2 tr PᵀH + 3.
    const distance = (lambda: number) =>
      geodesicDistance(ops, ops.constant(relative.parameters, [1, 8]), { lambda }).data[0]
    const angle = distance(0)
    const square = a.reduce((sum, element) => sum + element ** 2, 0)
    const trace = (square + 3 - (distance(1) - angle)) / 2
    const expected = angle + 0.3 * (6 - 2 * Math.sqrt(3 / square) * trace)
    expect(regressionLoss(ops, estimate, stack([target]), options).data[0]).toBeCloseTo(expected, 10)
  })

  it('of homographies is smooth where the last element of the relative homography is 0', () => {
    const shift = { data: [1, 0, 1, 0, 1, 0, 0, 0], shape: [1, 8] }
    const loss = (x: ArrayTensor) => regressionLoss(ops, x, shift, { distance: 'geodesic' })
    const [below, at, above] = [0.999, 1, 1.001].map((element) =>
      valueAndGrad(loss)(ops.constant([1, 0, 0, 0, 1, 0, element, 0], [1, 8])),
    )
    const slope = (above.value - below.value) / 0.002
    expect(at.gradients[0].data[6]).toBeCloseTo(slope, 5)
    expect(at.value).toBeCloseTo((above.value + below.value) / 2, 5)
  })

  it('rejects other shapes and options', () => {
    const four = { data: [0, 0, 0, 0], shape: [1, 4] }
    const estimate = ops.constant(four.data, four.shape)
    expect(() => regressionLoss(ops, estimate, { data: [0, 0], shape: [1, 2] })).toThrow(
      '`estimate` and `target` must have the same shape [pairs, parameters], got 1x4 and 1x2.',
    )
    expect(() => regressionLoss(ops, estimate, four, { distance: 'euclidean' })).toThrow(
      '`estimate` must have the shape [transformations, 6] for affine transformations, got 1x4.',
    )
    expect(() => regressionLoss(ops, estimate, four, { distance: 'geodesic' })).toThrow(
      '`theta` must have the shape [transformations, 8] for homographies, got 1x4.',
    )
    expect(() => regressionLoss(ops, estimate, four, { huber: -1 })).toThrow(
      '`huber` must be a finite number above 0, got -1.',
    )
    expect(() => regressionLoss(ops, estimate, four, { huber: 0 })).toThrow(
      '`huber` must be a finite number above 0, got 0.',
    )
    const singular = { data: [0, 0, 0, 0, 0, 0, 0, 0], shape: [1, 8] }
    const eight = ops.constant(singular.data, [1, 8])
    expect(() => regressionLoss(ops, eight, singular, { distance: 'geodesic' })).toThrow(
      'The homography of pair 0 in `target` is singular.',
    )
  })
})
