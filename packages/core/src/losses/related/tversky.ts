import { checkNumber } from '@inverseform/errors'
import { complement, power, ratio, softmax } from '../../math.js'
import type { TensorOps } from '../../ops.js'
import type { SegmentationLossInputs } from '../inputs.js'
import { type ClassMeanOptions, classGroups } from './class-groups.js'
import { pixelData } from './pixel-data.js'

export interface TverskyLossOptions extends ClassMeanOptions {
  /** The classes of the mean: `all`, or those `present` in the target. Default `all`. */
  readonly classes?: 'all' | 'present'
  /** Weight of false positives. Default 0.3. */
  readonly falsePositives?: number
  /** Weight of false negatives. Default 0.7. */
  readonly falseNegatives?: number
  /** Added to numerator and denominator, in pixels. Default 1. */
  readonly smooth?: number
}

export interface FocalTverskyLossOptions extends TverskyLossOptions {
  /** The loss of each class is raised to `1 / gamma`. Default 4/3. */
  readonly gamma?: number
}

/**
 * Tversky loss: the mean over classes of `1 - (TP + smooth) / (TP + a·FP + b·FN + smooth)`. The soft counts are
 * `TP = Σ p·g`, `FP = Σ p·(1 - g)` and `FN = Σ (1 - p)·g`, with p the softmax, g the one-hot target and sums over valid pixels.
 * With a = b = 1/2 it equals the Dice loss with twice the `smooth`, with a = b = 1 the soft Jaccard loss. Without valid pixels
 * the loss is 0.
 *
 * Source: Salehi et al., MLMI 2017, with the weights that the paper found best (its α is a, its β is b).
 *
 * @returns a scalar in [0, 1]
 * @throws InverseFormError `size-mismatch` when the sizes of logits and target differ; `invalid-argument` for a target value
 *   that is not a class or an invalid option
 */
export function tverskyLoss<T>(
  ops: TensorOps<T>,
  inputs: SegmentationLossInputs<T>,
  options: TverskyLossOptions = {},
): T {
  return focalTverskyLoss(ops, inputs, { ...options, gamma: 1 })
}

/**
 * Focal Tversky loss: the mean over classes of the terms of {@link tverskyLoss} to the power `1 / gamma`. A gamma above 1 gives
 * more weight to classes that are nearly right. The gradient of a perfect class is taken as 0.
 *
 * Source: Abraham and Khan, ISBI 2019, with its constants (its α weights false negatives). The paper sums over classes; this
 * loss averages.
 *
 * @returns a scalar in [0, 1]
 * @throws InverseFormError the errors of {@link tverskyLoss}
 */
export function focalTverskyLoss<T>(
  ops: TensorOps<T>,
  inputs: SegmentationLossInputs<T>,
  options: FocalTverskyLossOptions = {},
): T {
  const { classes = 'all', smooth = 1, gamma = 4 / 3, ignoreIndex } = options
  const { falsePositives = 0.3, falseNegatives = 0.7 } = options
  checkNumber('falsePositives', falsePositives, { min: 0 })
  checkNumber('falseNegatives', falseNegatives, { min: 0 })
  checkNumber('smooth', smooth, { min: 0 })
  checkNumber('gamma', gamma, { above: 0 })
  const data = pixelData(ops, inputs, ignoreIndex)
  const { sum, mean } = classGroups(ops, data, { ...options, classes })
  const p = ops.multiply(softmax(ops, data.logits), data.mask)
  const hits = sum(ops.multiply(p, data.oneHot))
  const wrong = ops.add(
    ops.multiply(sum(ops.multiply(p, complement(ops, data.oneHot))), falsePositives),
    ops.multiply(sum(ops.multiply(data.oneHot, complement(ops, p))), falseNegatives),
  )
  return mean(power(ops, ratio(ops, wrong, ops.add(ops.add(hits, wrong), smooth)), 1 / gamma))
}
