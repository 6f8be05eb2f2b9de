import { checkNumber, checkOneOf, InverseFormError } from '@inverseform/errors'
import { product } from '@inverseform/shared'
import {
  type GeodesicDistanceOptions,
  geodesicDistanceOfMatrices,
  homographies,
} from '../losses/inverse-form/geodesic-distance.js'
import { norm } from '../math.js'
import type { PlainTensor, TensorOps } from '../ops.js'
import { checkParameters, shapeOf, shapeText, sizeMismatch } from '../shape.js'
import { type Matrix3, transformMatrix } from './transforms.js'

export interface RegressionLossOptions extends GeodesicDistanceOptions {
  /**
   * The error that is averaged over the pairs, with θ' the estimate and θ the target:
   * - `coefficients` (default): the mean over the parameters of `(θ' - θ)²`, or Huber's function of `θ' - θ`
   * - `euclidean`, for 6 affine parameters: `‖θ' - θ‖`, the paper's Euclidean distance where θ is the identity
   * - `geodesic`, for 8 homography parameters: the paper's geodesic distance from the identity of `H' H⁻¹`, scaled to the
   *   norm √3 of a rotation, because homographies are equal up to scale and any element may be 0
   */
  readonly distance?: 'coefficients' | 'euclidean' | 'geodesic'
  /**
   * For `coefficients`, the error δ above which Huber's function changes from `½ e²` to the straight line `δ (|e| - ½ δ)`.
   * Default: squared errors.
   */
  readonly huber?: number
}

/**
 * The training loss of InverseNet: the error of its estimates of the transformations between the pairs.
 *
 * @param estimate [pairs, parameters]
 * @param target the true parameters, a plain tensor of the same shape
 * @returns a scalar, at least 0; 0 where the estimate equals the target
 * @throws InverseFormError `size-mismatch` when shapes differ or do not fit the distance; `invalid-argument` for an invalid
 *   option, or a singular target homography
 */
export function regressionLoss<T>(
  ops: TensorOps<T>,
  estimate: T,
  target: PlainTensor,
  options: RegressionLossOptions = {},
): T {
  const shape = shapeOf(ops, 'estimate', estimate)
  if (shape.length !== 2 || shapeText(shape) !== shapeText(target.shape)) {
    throw sizeMismatch(
      `\`estimate\` and \`target\` must have the same shape [pairs, parameters], got ${shapeText(shape)} and ${shapeText(target.shape)}.`,
      'Give one row of parameters for each pair.',
      { estimate: shape, target: target.shape },
    )
  }
  const mean = (x: T) => ops.divide(ops.sum(x), product(ops.shape(x)))
  const { distance = 'coefficients', huber } = options
  checkOneOf('distance', distance, ['coefficients', 'euclidean', 'geodesic'])
  const difference = () => ops.subtract(estimate, ops.constant(target.data, shape))
  switch (distance) {
    case 'coefficients':
      return mean(
        huber === undefined ? ops.multiply(difference(), difference()) : huberOf(ops, difference(), huber),
      )
    case 'euclidean':
      checkParameters('estimate', shape, 6, 'affine transformations')
      return mean(norm(ops, difference(), [1]))
    case 'geodesic':
      return mean(geodesic(ops, estimate, target, options))
  }
}

/** `½ c² + δ (|e| - c)` with `c = min(|e|, δ)`. */
function huberOf<T>(ops: TensorOps<T>, error: T, delta: number): T {
  checkNumber('huber', delta, { above: 0 })
  const size = ops.abs(error)
  const excess = ops.maximum(ops.subtract(size, delta), 0)
  const capped = ops.subtract(size, excess)
  return ops.add(ops.multiply(ops.multiply(capped, capped), 0.5), ops.multiply(excess, delta))
}

function geodesic<T>(
  ops: TensorOps<T>,
  estimate: T,
  target: PlainTensor,
  { lambda = 0.1 }: GeodesicDistanceOptions,
): T {
  checkNumber('lambda', lambda, { min: 0 })
  const estimates = homographies(ops, estimate)
  const pairs = target.shape[0]
  const inverses = new Float64Array(pairs * 9)
  for (let pair = 0; pair < pairs; pair++) {
    const parameters = Array.from({ length: 8 }, (_, i) => target.data[pair * 8 + i])
    inverses.set(inverse(transformMatrix(parameters), pair), pair * 9)
  }
  const relative = ops.matmul(estimates, ops.constant(inverses, [pairs, 3, 3]))
  const scale = ops.sqrt(ops.divide(ops.sum(ops.multiply(relative, relative), [1, 2], true), 3))
  return geodesicDistanceOfMatrices(ops, ops.divide(relative, scale), lambda)
}

/** Inverts a matrix by its adjugate. */
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
  const determinant = a * adjugate[0] + b * adjugate[3] + c * adjugate[6]
  if (Math.abs(determinant) > 1e-9) return adjugate.map((element) => element / determinant)
  throw new InverseFormError(
    'invalid-argument',
    `The homography of pair ${pair} in \`target\` is singular.`,
    {
      hint: 'Use invertible transformations.',
      details: { pair, matrix: m },
    },
  )
}
