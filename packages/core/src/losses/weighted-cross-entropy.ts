import { ratio, subtractMax } from '../math.js'
import type { FusedOps, TensorOps } from '../ops.js'

/**
 * Computes each image's weighted mean of -log softmax of the target class over its pixels, and their sum or mean. An image
 * whose weights are all 0 adds 0.
 *
 * @param logits [images, classes, height, width]
 * @param indices target classes, images x height x width
 * @param weights [images, height, width]
 * @param reduction `sum` or `mean` over the images
 * @returns a scalar
 */
export function weightedCrossEntropy<T>(
  ops: TensorOps<T>,
  logits: T,
  indices: Int32Array,
  weights: T,
  reduction: 'sum' | 'mean',
): T {
  const crossEntropy = softmaxCrossEntropy(ops, logits, indices)
  const weighted = ops.sum(ops.multiply(crossEntropy, weights), [1, 2])
  const sum = ops.sum(ratio(ops, weighted, ops.sum(weights, [1, 2])))
  return reduction === 'sum' ? sum : ops.divide(sum, ops.shape(logits)[0])
}

/** Returns -log softmax of each pixel's target class, [images, height, width]. */
function softmaxCrossEntropy<T>(ops: TensorOps<T> & Partial<FusedOps<T>>, logits: T, indices: Int32Array): T {
  if (ops.softmaxCrossEntropy) return ops.softmaxCrossEntropy(logits, indices, 1)
  const shifted = subtractMax(ops, logits)
  return ops.subtract(ops.log(ops.sum(ops.exp(shifted), [1])), ops.takeAlongAxis(shifted, indices, 1))
}
