import type { FusedOps } from '../fused-ops.js'
import type { TensorOps } from '../ops.js'
import { fromLargest, ratio } from './functions.js'

/**
 * For each image, the mean of -log softmax of the true class over its pixels, weighted; 0 where the weights are all 0.
 *
 * @param logits [images, classes, height, width]
 * @param indices true classes, images x height x width
 * @param weights [images, height, width]
 * @returns a scalar: the images' sum, or their mean
 */
export function weightedLikelihood<T>(
  ops: TensorOps<T>,
  logits: T,
  indices: Int32Array,
  weights: T,
  reduction: 'sum' | 'mean',
): T {
  const surprise = softmaxCrossEntropy(ops, logits, indices)
  const weighted = ops.sum(ops.multiply(surprise, weights), [1, 2])
  const sum = ops.sum(ratio(ops, weighted, ops.sum(weights, [1, 2])))
  return reduction === 'sum' ? sum : ops.divide(sum, ops.shape(logits)[0]!)
}

/** -log softmax over the classes, of each pixel's true one: [images, height, width]. */
function softmaxCrossEntropy<T>(ops: TensorOps<T> & Partial<FusedOps<T>>, logits: T, indices: Int32Array): T {
  if (ops.softmaxCrossEntropy) return ops.softmaxCrossEntropy(logits, indices, 1)
  const shifted = fromLargest(ops, logits)
  return ops.subtract(ops.log(ops.sum(ops.exp(shifted), [1])), ops.pick(shifted, indices, 1))
}
