import type { TensorOps } from '../ops.js'
import { checkChoice } from '../options.js'
import { type ClassWeightsOptions, classWeights } from './class-weights.js'
import { countedPixels } from './counted-pixels.js'
import { checkMap, type IntegerArray, mapSize } from './inputs.js'
import { weightedLikelihood } from './weighted-likelihood.js'

export interface CrossEntropyInputs<T> {
  /** [images, classes, height, width], before softmax. */
  readonly logits: T
  /** Train ids 0..classes-1 or `ignoreIndex`, images x height x width in C order. */
  readonly labels: IntegerArray
}

export interface CrossEntropyOptions extends ClassWeightsOptions {
  /** Weigh classes by their share of each image on its own, instead of the batch as one image. Default false. */
  readonly perImage?: boolean
  /** `sum` of the images' losses, as published, so that the loss grows with the batch (default), or their `mean`. */
  readonly reduction?: 'sum' | 'mean'
}

/**
 * Image-weighted cross-entropy: for each image the mean of -log softmax over the pixels that count, weighted by
 * {@link classWeights} (the weights' sum divides); summed over the images. An image with no pixel that counts adds 0.
 *
 * Source: `ImageBasedCrossEntropyLoss2d` of the published code (loss/utils.py).
 *
 * @returns a scalar, at least 0, in nats
 * @throws `size-mismatch` when logits and labels do not go together; `invalid-argument` for a label out of range or an option
 */
export function crossEntropy<T>(
  ops: TensorOps<T>,
  { logits, labels }: CrossEntropyInputs<T>,
  options: CrossEntropyOptions = {},
): T {
  const { perImage = false, reduction = 'sum', ignoreIndex = 255 } = options
  checkChoice('reduction', reduction, 'sum', 'mean')
  const size = mapSize(ops, 'logits', logits)
  const { images, channels: classes, height, width } = size
  checkMap('labels', labels, size)
  const { indices, counted } = countedPixels(labels, size, ignoreIndex)
  const weights = new Float64Array(labels.length)
  const group = perImage ? height * width : labels.length
  for (let start = 0; start < labels.length; start += group) {
    const table = classWeights(labels.subarray(start, start + group), classes, options)
    for (let i = start; i < start + group; i++) weights[i] = counted[i]! * table[indices[i]!]!
  }
  return weightedLikelihood(ops, logits, indices, ops.constant(weights, [images, height, width]), reduction)
}
