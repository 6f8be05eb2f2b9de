import type { PlainTensor, TensorOps } from '@inverseform/core'
import { type ArrayTensor, arrayOps, valueAndGrad } from '@inverseform/core/array'
import {
  type RegressionLossOptions,
  regressionLoss,
  sampleAffine,
  sampleHomography,
  sampleShiftAndScale,
  seededRandom,
  type Transform,
  transformMaps,
  transformMatrix,
} from '@inverseform/core/training'
import { expect, it } from 'vitest'
import type { Binding } from './binding-suite.js'
import { relativeError } from './compare.js'

const doubles = arrayOps({ type: 'float64' })
const [height, width] = [8, 8]
const random = seededRandom(31)
const noise = (...shape: number[]): PlainTensor => {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random())
  return { data, shape }
}

const matrices = {
  // Every sample falls on a pixel center, where the weights have a kink.
  'the identity': transformMatrix([0, 0]),
  'a shift by one column': transformMatrix([2 / width, 0]),
  'a shift by two rows and three columns': transformMatrix([6 / width, 4 / height]),
  'a homography': sampleHomography(random).matrix,
}

type Draw = (random: () => number) => Transform
const losses: [string, Draw, RegressionLossOptions][] = [
  ['coefficients', sampleShiftAndScale, {}],
  ["Huber's function", sampleShiftAndScale, { huber: 0.15 }],
  ['the Euclidean distance', sampleAffine, { distance: 'euclidean' }],
  ['the geodesic distance', sampleHomography, { distance: 'geodesic' }],
]

/** Compares the training functions with the array binding in double precision. */
export function checkTraining<T>({ ops, differentiate }: Binding<T>): void {
  async function compare(f: <U>(on: TensorOps<U>, ...inputs: U[]) => U, inputs: readonly PlainTensor[]) {
    const ours = await differentiate((...xs) => f(ops, ...xs), inputs)
    const theirs = valueAndGrad((...xs: ArrayTensor[]) => f(doubles, ...xs))(
      ...inputs.map(({ data, shape }) => doubles.constant(data, shape)),
    )
    expect(relativeError([ours.value], [theirs.value])).toBeLessThan(1e-5)
    theirs.gradients.forEach((gradient, i) => {
      expect(relativeError(ours.gradients[i].data, gradient.data)).toBeLessThan(1e-4)
    })
  }

  it.each(Object.entries(matrices))('transformed maps at %s', async (_, matrix) => {
    const weights = noise(1, 1, height, width)
    await compare(
      (on, maps, matrices) =>
        on.sum(on.multiply(transformMaps(on, maps, matrices), on.constant(weights.data, weights.shape))),
      [noise(1, 1, height, width), { data: matrix, shape: [1, 3, 3] }],
    )
  })

  it.each(losses)('the regression loss by %s', async (_, sample, options) => {
    const draw = (): PlainTensor => {
      const rows = Array.from({ length: 5 }, () => sample(random).parameters)
      return { data: Float32Array.from(rows.flat()), shape: [5, rows[0].length] }
    }
    const target = draw()
    await compare((on, estimate) => regressionLoss(on, estimate, target, options), [draw()])
  })
}
