import { norm } from '../../math.js'
import type { TensorOps } from '../../ops.js'
import { checkParameters, shapeOf } from '../../shape.js'

/**
 * Euclidean distance of affine transformations from the identity: the Frobenius norm of `θ - I`, with `θ` and `I` as 2x3
 * matrices. At the identity, the distance and its gradient are 0.
 *
 * Source: the InverseForm paper (arXiv 2104.02745), section 3.2.
 *
 * @param theta [transformations, 6], each a 2x3 matrix in row-major order, in normalized coordinates
 * @returns [transformations], each at least 0
 * @throws InverseFormError `size-mismatch` when theta has another shape
 */
export function euclideanDistance<T>(ops: TensorOps<T>, theta: T): T {
  checkParameters('theta', shapeOf(ops, 'theta', theta), 6, 'affine transformations')
  return norm(ops, ops.subtract(theta, ops.constant([1, 0, 0, 0, 1, 0], [1, 6])), [1])
}
