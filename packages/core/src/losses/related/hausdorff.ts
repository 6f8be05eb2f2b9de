import { checkNumber } from '@inverseform/errors'
import { softmax } from '../../math.js'
import type { TensorOps } from '../../ops.js'
import {
  checkClass,
  checkTarget,
  type IgnoreOptions,
  type IntegerArray,
  type SegmentationLossInputs,
} from '../inputs.js'
import { classDistances } from './class-distances.js'
import { pixelData } from './pixel-data.js'

export interface HausdorffLossInputs<T> extends SegmentationLossInputs<T> {
  /** The most likely class of each pixel according to the logits, images x height x width. Read it from the network's output. */
  readonly predictions: IntegerArray
}

export interface HausdorffLossOptions extends IgnoreOptions {
  /** Power of the distances. Default 2. */
  readonly alpha?: number
}

/** Replaces the predictions of ignored pixels. It is never a class, whatever `ignoreIndex` is. */
const ignoredPrediction = -1

/**
 * Hausdorff loss by distance transforms: the mean over classes and valid pixels of `(p - g)² · (d_p^alpha + d_g^alpha)`, with p
 * the softmax and g the one-hot target. The distances d, in pixels, are those to the boundary of the class in the prediction and
 * in the target: to the nearest pixel on the other side. In a map without the boundary, d = 0. No gradient flows through the
 * distances. Without valid pixels the loss is 0.
 *
 * Source: Karimi and Salcudean, IEEE TMI 2019 (Loss_DT), with the most likely class instead of a threshold of 1/2.
 *
 * @returns a scalar, at least 0
 * @throws InverseFormError `size-mismatch` when the sizes of the inputs differ; `invalid-argument` for a value that is not a
 *   class or an invalid option
 */
export function hausdorffLoss<T>(
  ops: TensorOps<T>,
  inputs: HausdorffLossInputs<T>,
  { alpha = 2, ignoreIndex = 255 }: HausdorffLossOptions = {},
): T {
  checkNumber('alpha', alpha, { above: 0 })
  const data = pixelData(ops, inputs, ignoreIndex)
  const { images, numClasses, pixels, valid, numValid } = data
  const size = { ...data, channels: numClasses }
  checkTarget('predictions', inputs.predictions, size)
  const predictions = Int32Array.from(inputs.predictions, (c, i) => {
    if (!valid[i]) return ignoredPrediction
    checkClass(c, numClasses, i, size, 'predictions')
    return c
  })
  const weights = classDistances(inputs.target, size, ignoreIndex, (distance) => distance ** alpha)
  const predicted = classDistances(predictions, size, ignoredPrediction, (distance) => distance ** alpha)
  for (let i = 0; i < weights.length; i++) weights[i] += predicted[i]
  const errors = ops.subtract(softmax(ops, data.logits), data.oneHot)
  const products = ops.multiply(
    ops.multiply(errors, errors),
    ops.constant(weights, [images, numClasses, pixels]),
  )
  return ops.divide(ops.sum(products), Math.max(numValid, 1) * numClasses)
}
