import { InverseFormError } from '@inverseform/errors'
import {
  type GeodesicDistanceOptions,
  geodesicDistanceOfMatrices,
  homographies,
} from '../losses/geodesic-distance.js'
import { norm } from '../norm.js'
import type { PlainTensor, TensorOps } from '../ops.js'
import { checkNumber, checkPositive } from '../options.js'
import { checkParameters, shapeText, sizeMismatch } from '../shape.js'
import { type Matrix3, transformMatrix } from './transforms.js'

export interface RegressionLossOptions extends GeodesicDistanceOptions {
  /**
   * What is averaged over the pairs, θ' being the estimate and θ the truth:
   * - `coefficients` (default): the mean over the parameters of `(θ' - θ)²`, or Huber's function of `θ' - θ`
   * - `euclidean`, for 6 affine parameters: `‖θ' - θ‖`, the paper's Euclidean distance where θ is the identity
   * - `geodesic`, for 8 homography parameters: the paper's geodesic distance from the identity of `H' H⁻¹`, scaled to a
   *   rotation's norm √3, for a homography is the same at any scale and an element of it may be 0
   */
  readonly distance?: 'coefficients' | 'euclidean' | 'geodesic'
  /**
   * With `coefficients`: the error δ from which Huber's function `½ e²` goes on as the straight line `δ (|e| - ½ δ)`.
   * Without it, squared errors.
   */
  readonly huber?: number
}

/**
 * What InverseNet is trained to make small: how far its estimates are from the transformations that made the pairs.
 *
 * @param estimate [pairs, parameters]
 * @param parameters likewise, plain: the truth
 * @returns a scalar, at least 0; 0 where the estimate is the truth
 * @throws `size-mismatch` when shapes differ or do not fit the distance; `invalid-argument` for an option, and for a true
 *   homography that is singular
 */
export function regressionLoss<T>(
  ops: TensorOps<T>,
  estimate: T,
  parameters: PlainTensor,
  options: RegressionLossOptions = {},
): T {
  const shape = ops.shape(estimate)
  if (shape.length !== 2 || shapeText(shape) !== shapeText(parameters.shape)) {
    throw sizeMismatch(
      `Estimates of the shape ${shapeText(shape)} were given for parameters of ${shapeText(parameters.shape)}.`,
      'Give both as [pairs, parameters].',
      { estimate: shape, parameters: parameters.shape },
    )
  }
  const mean = (x: T) =>
    ops.divide(
      ops.sum(x),
      ops.shape(x).reduce((a, b) => a * b, 1),
    )
  const { distance = 'coefficients', huber } = options
  const difference = () => ops.subtract(estimate, ops.constant(parameters.data, shape))
  switch (distance) {
    case 'coefficients':
      return mean(
        huber === undefined ? ops.multiply(difference(), difference()) : huberOf(ops, difference(), huber),
      )
    case 'euclidean':
      checkParameters(shape, 6, 'affine transformations')
      return mean(norm(ops, difference(), [1]))
    case 'geodesic':
      return mean(geodesic(ops, estimate, parameters, options))
    default:
      throw new InverseFormError('invalid-argument', `distance is '${distance}'.`, {
        hint: "Choose 'coefficients', 'euclidean' or 'geodesic'.",
        details: { distance },
      })
  }
}

/** `½ c² + δ (|e| - c)` with `c = min(|e|, δ)`. */
function huberOf<T>(ops: TensorOps<T>, error: T, delta: number): T {
  checkPositive('huber', delta)
  const size = ops.abs(error)
  const excess = ops.maximum(ops.subtract(size, delta), 0)
  const capped = ops.subtract(size, excess)
  return ops.add(ops.multiply(ops.multiply(capped, capped), 0.5), ops.multiply(excess, delta))
}

function geodesic<T>(
  ops: TensorOps<T>,
  estimate: T,
  truth: PlainTensor,
  { lambda = 0.1 }: GeodesicDistanceOptions,
): T {
  checkNumber('lambda', lambda, 0)
  const estimates = homographies(ops, estimate)
  const pairs = truth.shape[0]!
  const inverses = new Float64Array(pairs * 9)
  for (let pair = 0; pair < pairs; pair++) {
    const parameters = Array.from({ length: 8 }, (_, i) => truth.data[pair * 8 + i]!)
    inverses.set(inverse(transformMatrix(parameters), pair), pair * 9)
  }
  const product = ops.matmul(estimates, ops.constant(inverses, [pairs, 3, 3]))
  const scale = ops.sqrt(ops.divide(ops.sum(ops.multiply(product, product), [1, 2], true), 3))
  return geodesicDistanceOfMatrices(ops, ops.divide(product, scale), lambda)
}

/** By the adjugate. */
function inverse(m: Matrix3, pair: number): number[] {
  const [a, b, c, d, e, f, g, h, i] = m
  const adjugate = [
    e * i - f * h,
    c * h - b * i,
    b * f - c * e,
    f * g - d * i,
    a * i - c * g,
    c * d - a * f,
    d * h - e * g,
    b * g - a * h,
    a * e - b * d,
  ]
  const determinant = a * adjugate[0]! + b * adjugate[3]! + c * adjugate[6]!
  if (Math.abs(determinant) > 1e-9) return adjugate.map((element) => element / determinant)
  throw new InverseFormError('invalid-argument', `The true homography of pair ${pair} is singular.`, {
    hint: 'Give transformations that can be undone.',
    details: { pair, matrix: m },
  })
}
