import { describe, expect, it } from 'vitest'
import type { ArrayTensor } from '../../src/array/index.js'
import {
  type InverseFormOptions,
  inverseForm,
  inverseFormDistance,
  inverseFormTiles,
  isInverseFormError,
  jointLossTerms,
  type Regressor,
} from '../../src/index.js'
import { ops64 as ops, random } from '../support/gradients.js'

const edgeLogits = random('edge', [2, 1, 5, 7])
const edgeLabels = Uint8Array.from(random('edges', [70]).data, (x) => (x > 1.7 ? 2 : x > 0.7 ? 1 : 0))
const small = { size: [8, 12], tileGrid: [2, 3] } as const

/** As many coefficients a tile as asked for, from both of its maps. */
const projection =
  (coefficients: number): Regressor<ArrayTensor> =>
  (_, prediction, target) => {
    const matrix = random(`projection ${coefficients}`, [32, coefficients])
    const flat = (x: ArrayTensor) => ops.reshape(x, [12, 16])
    return ops.matmul(ops.concat([flat(prediction), flat(target)], 1), matrix)
  }

describe('the InverseForm loss in three steps, as a runtime takes them', () => {
  const cases: InverseFormOptions[] = (['sigmoid', 'log_softmax', 'softmax', 'identity'] as const).flatMap(
    (activation) => [
      { activation },
      { activation, distance: 'euclidean' },
      { activation, distance: 'geodesic', lambda: 0.3 },
    ],
  )
  it.each(cases)('is the loss in one: %o', (chosen) => {
    const options = { ...small, ...chosen }
    const regressor = projection(
      { coefficients: 4, euclidean: 6, geodesic: 8 }[chosen.distance ?? 'coefficients'],
    )
    const { prediction, target } = inverseFormTiles(ops, { edgeLogits, edgeLabels }, options)
    expect([prediction.shape, target.shape]).toEqual([
      [12, 1, 4, 4],
      [12, 1, 4, 4],
    ])
    const coefficients = regressor(ops, prediction, target)
    const loss = inverseForm(ops, { edgeLogits, edgeLabels, regressor }, options)
    expect(inverseFormDistance(ops, coefficients, options)).toEqual(loss)
    // The coefficients come from elsewhere, as plain numbers.
    const known = () => ops.constant(coefficients.data, coefficients.shape)
    expect(inverseForm(ops, { edgeLogits, edgeLabels, regressor: known }, options)).toEqual(loss)
    const logits = random('seg', [2, 4, 5, 7])
    const labels = new Uint8Array(70).fill(1)
    const joint = (regressor: Regressor<ArrayTensor>) =>
      jointLossTerms(ops, { logits, labels, edgeLogits, edgeLabels, regressor }, { inverseForm: options })
    expect(joint(known)).toEqual(joint(regressor))
  })

  it('the tiles have the published size unless told otherwise', () => {
    const { prediction, target } = inverseFormTiles(ops, { edgeLogits, edgeLabels })
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

describe('mistakes are named', () => {
  it.each([
    ['no tiles', () => inverseFormDistance(ops, ops.constant([], [0, 4])), 'have the shape 0x4'],
    ['one axis', () => inverseFormDistance(ops, ops.constant([1, 2], [2])), 'have the shape 2'],
    [
      'too few for the distance',
      () => inverseFormDistance(ops, ops.constant([1, 2], [1, 2]), { distance: 'euclidean' }),
      'shape 1x2 were given for an affine transformation',
    ],
    [
      'edges',
      () => inverseFormTiles(ops, { edgeLogits, edgeLabels: edgeLabels.subarray(1) }, small),
      'edgeLabels has 69 values for maps of 2x5x7',
    ],
    [
      'the grid',
      () => inverseFormTiles(ops, { edgeLogits, edgeLabels }, { ...small, tileGrid: [3, 3] }),
      'Maps of 8x12 cannot be cut into 3x3 equal tiles',
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
