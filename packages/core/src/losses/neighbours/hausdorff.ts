import type { TensorOps } from '../../ops.js'
import { checkPositive } from '../../options.js'
import { softmax } from '../functions.js'
import { checkLabel, checkMap, type IntegerArray } from '../inputs.js'
import { classDistances } from './class-distances.js'
import { type IgnoreOptions, type LabelledLogits, labelled } from './labelled.js'

export interface HausdorffInputs<T> extends LabelledLogits<T> {
  /** The most likely class of each pixel by the same logits, images x height x width: read from the network's output. */
  readonly predictions: IntegerArray
}

export interface HausdorffOptions extends IgnoreOptions {
  /** Power of the distances. Default 2. */
  readonly alpha?: number
}

/** Stands for the predictions at pixels that do not count: no class, whatever `ignoreIndex` is. */
const uncounted = -1

/**
 * Hausdorff loss by distance transforms: the mean over classes, and over pixels that count, of
 * `(p - g)² · (d_p^alpha + d_g^alpha)`, with p the softmax, g the one-hot labels, and d the distance in pixels to the boundary
 * of the class, in the prediction and in the truth: to the nearest pixel on the other side. A map without the boundary has
 * d = 0. The distances are data: no gradient flows through them. With no pixel that counts it is 0.
 *
 * Source: Karimi and Salcudean, IEEE TMI 2019 (Loss_DT), with the most likely class for its threshold of 1/2.
 *
 * @returns a scalar, at least 0
 * @throws `size-mismatch` when the inputs do not go together; `invalid-argument` for a label out of range or an option
 */
export function hausdorffLoss<T>(
  ops: TensorOps<T>,
  inputs: HausdorffInputs<T>,
  { alpha = 2, ignoreIndex = 255 }: HausdorffOptions = {},
): T {
  checkPositive('alpha', alpha)
  const data = labelled(ops, inputs, ignoreIndex)
  const { images, classes, pixels, counted, total } = data
  const size = { ...data, channels: classes }
  checkMap('predictions', inputs.predictions, size)
  const predictions = Int32Array.from(inputs.predictions, (c, i) => {
    if (!counted[i]) return uncounted
    checkLabel(c, classes, i, size, 'Prediction')
    return c
  })
  const weights = classDistances(inputs.labels, size, ignoreIndex, (distance) => distance ** alpha)
  const predicted = classDistances(predictions, size, uncounted, (distance) => distance ** alpha)
  for (let i = 0; i < weights.length; i++) weights[i]! += predicted[i]!
  const errors = ops.subtract(softmax(ops, data.logits), data.truth)
  const products = ops.multiply(
    ops.multiply(errors, errors),
    ops.constant(weights, [images, classes, pixels]),
  )
  return ops.divide(ops.sum(products), Math.max(total, 1) * classes)
}
