import type { TensorOps } from '../ops.js'
import { ratio } from './functions.js'
import { checkLabel, type IntegerArray } from './inputs.js'

/** Labels as positions on the class axis; pixels that do not count get class 0 and weight 0. */
export function countedPixels(
  labels: IntegerArray,
  classes: number,
  ignoreIndex: number,
): { readonly indices: Int32Array; readonly counted: Uint8Array } {
  const indices = new Int32Array(labels.length)
  const counted = new Uint8Array(labels.length)
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!
    if (label === ignoreIndex) continue
    checkLabel(label, classes, i)
    indices[i] = label
    counted[i] = 1
  }
  return { indices, counted }
}

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
  const shifted = ops.subtract(logits, ops.max(ops.stopGradient(logits), [1], true))
  const surprise = ops.subtract(ops.log(ops.sum(ops.exp(shifted), [1])), ops.pick(shifted, indices, 1))
  const weighted = ops.sum(ops.multiply(surprise, weights), [1, 2])
  const sum = ops.sum(ratio(ops, weighted, ops.sum(weights, [1, 2])))
  return reduction === 'sum' ? sum : ops.divide(sum, ops.shape(logits)[0]!)
}
