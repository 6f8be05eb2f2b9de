import { norm } from '../norm.js'
import type { TensorOps } from '../ops.js'
import { checkParameters } from '../shape.js'

/**
 * Euclidean distance of affine transformations from the identity: the Frobenius norm of `θ - I`, with `θ` and `I` as 2x3
 * matrices. At the identity it is 0 with gradient 0.
 *
 * Source: the InverseForm paper (arXiv 2104.02745), section 3.2.
 *
 * @param theta [transformations, 6], each a 2x3 matrix row by row, on normalised coordinates
 * @returns [transformations], each at least 0
 * @throws `size-mismatch` when theta has another shape
 */
export function euclideanDistance<T>(ops: TensorOps<T>, theta: T): T {
  checkParameters(ops.shape(theta), 6, 'an affine transformation')
  return norm(ops, ops.subtract(theta, ops.constant([1, 0, 0, 0, 1, 0], [1, 6])), [1])
}
