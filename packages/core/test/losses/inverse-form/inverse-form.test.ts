import { describe, expect, it } from 'vitest'
import type { ArrayTensor } from '../../../src/array/index.js'
import {
  type InverseFormLossOptions,
  inverseFormDistance,
  inverseFormLoss,
  inverseFormTiles,
  isInverseFormError,
  jointLossTerms,
  type Regressor,
} from '../../../src/index.js'
import { ops64 as ops, random } from '../../support/gradients.js'

const edgeLogits = random('edge', [2, 1, 5, 7])
const edgeTarget = Uint8Array.from(random('edges', [70]).data, (x) => (x > 1.7 ? 2 : x > 0.7 ? 1 : 0))
const small = { size: [8, 12], tileGrid: [2, 3] } as const

/** Returns a regressor that projects both maps of a tile to the given number of coefficients. */
const projection =
  (coefficients: number): Regressor<ArrayTensor> =>
  (_, prediction, target) => {
    const matrix = random(`projection ${coefficients}`, [32, coefficients])
    const flat = (x: ArrayTensor) => ops.reshape(x, [12, 16])
    return ops.matmul(ops.concat([flat(prediction), flat(target)], 1), matrix)
  }

describe('the InverseForm loss in three steps, as with an inference runtime', () => {
  const cases: InverseFormLossOptions[] = (
    ['sigmoid', 'log_softmax', 'softmax', 'identity'] as const
  ).flatMap((activation) => [
    { activation },
    { activation, distance: 'euclidean' },
    { activation, distance: 'geodesic', lambda: 0.3 },
  ])
  it.each(cases)('equals the loss in one step: %o', (chosen) => {
    const options = { ...small, ...chosen }
    const regressor = projection(
      { coefficients: 4, euclidean: 6, geodesic: 8 }[chosen.distance ?? 'coefficients'],
    )
    const { prediction, target } = inverseFormTiles(ops, { edgeLogits, edgeTarget }, options)
    expect([prediction.shape, target.shape]).toEqual([
      [12, 1, 4, 4],
      [12, 1, 4, 4],
    ])
    const coefficients = regressor(ops, prediction, target)
    const loss = inverseFormLoss(ops, { edgeLogits, edgeTarget, regressor }, options)
    expect(inverseFormDistance(ops, coefficients, options)).toEqual(loss)
    // A runtime returns the coefficients as plain numbers.
    const known = () => ops.constant(coefficients.data, coefficients.shape)
    expect(inverseFormLoss(ops, { edgeLogits, edgeTarget, regressor: known }, options)).toEqual(loss)
    const logits = random('seg', [2, 4, 5, 7])
    const classes = new Uint8Array(70).fill(1)
    const joint = (regressor: Regressor<ArrayTensor>) =>
      jointLossTerms(
        ops,
        { logits, target: classes, edgeLogits, edgeTarget, regressor },
        { inverseForm: options },
      )
    expect(joint(known)).toEqual(joint(regressor))
  })

  it('tiles have the published size by default', () => {
    const { prediction, target } = inverseFormTiles(ops, { edgeLogits, edgeTarget })
    expect([prediction.shape, target.shape]).toEqual([
      [36, 1, 224, 224],
      [36, 1, 224, 224],
    ])
    expect(target.data.every((x) => x >= 0 && x <= 1 + 1e-6)).toBe(true)
  })

  it('the distance is the mean norm of displacements', () => {
    const coefficients = ops.constant([3, 4, 0, 0, 0, 0, 5, 12], [2, 4])
    expect(inverseFormDistance(ops, coefficients).data[0]).toBe((5 + 13) / 2)
  })
})

describe('errors name the argument', () => {
  it.each([
    [
      'no tiles',
      () => inverseFormDistance(ops, ops.constant([], [0, 4])),
      '`coefficients` must have the shape [tiles, coefficients], got 0x4.',
    ],
    [
      'one axis',
      () => inverseFormDistance(ops, ops.constant([1, 2], [2])),
      '`coefficients` must have the shape [tiles, coefficients], got 2.',
    ],
    [
      'too few for the distance',
      () => inverseFormDistance(ops, ops.constant([1, 2], [1, 2]), { distance: 'euclidean' }),
      '`theta` must have the shape [transformations, 6] for affine transformations, got 1x2.',
    ],
    [
      'edges',
      () => inverseFormTiles(ops, { edgeLogits, edgeTarget: edgeTarget.subarray(1) }, small),
      '`edgeTarget` must have 70 elements, one for each pixel of maps of 2x5x7, got 69.',
    ],
    [
      'the grid',
      () => inverseFormTiles(ops, { edgeLogits, edgeTarget }, { ...small, tileGrid: [3, 3] }),
      '`tileGrid` must divide `size`, got 3x3 tiles for 8x12 pixels.',
    ],
  ])('%s', (_, run, message) => {
    expect(run).toThrow(message)
    try {
      run()
    } catch (error) {
      expect(isInverseFormError(error) && error.hint).toMatch(/^[A-Z].*\.$/)
    }
  })
})
