import { checkBoolean, checkOneOf } from '@inverseform/errors'
import type { TensorOps } from '../../ops.js'
import { checkClass, checkTarget, mapSize, type SegmentationLossInputs } from '../inputs.js'
import { weightedCrossEntropy } from '../weighted-cross-entropy.js'
import { type ClassWeightsOptions, checkClassWeightsOptions, weightsOfCounts } from './class-weights.js'

export interface CrossEntropyLossOptions extends ClassWeightsOptions {
  /** Computes class weights for each image instead of the whole batch. Default false. */
  readonly perImage?: boolean
  /** `sum` (default, as published) adds up the images' losses, so the loss grows with the batch. `mean` averages them. */
  readonly reduction?: 'sum' | 'mean'
}

/**
 * Image-weighted cross-entropy. For each image, it computes the mean of -log softmax over valid pixels, weighted by
 * {@link classWeights} and divided by the sum of the weights. It then sums over the images. An image without valid pixels
 * adds 0.
 *
 * Source: `ImageBasedCrossEntropyLoss2d` of the published code (loss/utils.py).
 *
 * @returns a scalar, at least 0, in nats
 * @throws InverseFormError `size-mismatch` when the sizes of logits and target differ; `invalid-argument` for a target value
 *   that is not a class or an invalid option
 */
export function crossEntropyLoss<T>(
  ops: TensorOps<T>,
  { logits, target }: SegmentationLossInputs<T>,
  options: CrossEntropyLossOptions = {},
): T {
  const { perImage = false, reduction = 'sum', ignoreIndex = 255 } = options
  checkCrossEntropyOptions(options)
  const size = mapSize(ops, 'logits', logits)
  const { images, channels: numClasses, height, width } = size
  checkTarget('target', target, size)
  // One pass finds classes and their counts, because a training does this at every step.
  const indices = new Int32Array(target.length)
  const weights = new Float64Array(target.length)
  const groupSize = perImage ? height * width : target.length
  for (let start = 0; start < target.length; start += groupSize) {
    const counts = new Uint32Array(numClasses)
    let total = 0
    for (let i = start; i < start + groupSize; i++) {
      const value = target[i]
      if (value === ignoreIndex) continue
      checkClass(value, numClasses, i, size)
      indices[i] = value
      counts[value]++
      total++
    }
    const table = weightsOfCounts(counts, total, options)
    for (let i = start; i < start + groupSize; i++) {
      if (target[i] !== ignoreIndex) weights[i] = table[indices[i]]
    }
  }
  return weightedCrossEntropy(ops, logits, indices, ops.constant(weights, [images, height, width]), reduction)
}

export function checkCrossEntropyOptions({
  perImage = false,
  reduction = 'sum',
  norm = false,
  upperBound = 1,
  ignoreIndex = 255,
}: CrossEntropyLossOptions): void {
  checkBoolean('perImage', perImage)
  checkOneOf('reduction', reduction, ['sum', 'mean'])
  checkClassWeightsOptions(norm, upperBound, ignoreIndex)
}
