import { complement } from '../../norm.js'
import type { TensorOps } from '../../ops.js'
import { checkNumber, checkPositive } from '../../options.js'
import { power, ratio, softmax } from '../functions.js'
import { type ClassOptions, classGroups } from './class-groups.js'
import { type LabelledLogits, labelled } from './labelled.js'

export interface TverskyOptions extends ClassOptions {
  /** Classes of the mean. Default `all`. */
  readonly classes?: 'all' | 'present'
  /** Weight of false positives. Default 0.3. */
  readonly falsePositives?: number
  /** Weight of false negatives. Default 0.7. */
  readonly falseNegatives?: number
  /** Added to both sides of the fraction, in pixels. Default 1. */
  readonly smooth?: number
}

export interface FocalTverskyOptions extends TverskyOptions {
  /** A class's loss is raised to `1 / gamma`. Default 4/3. */
  readonly gamma?: number
}

/**
 * Tversky loss: the mean over classes of `1 - (TP + smooth) / (TP + a·FP + b·FN + smooth)` with the soft counts
 * `TP = Σ p·g`, `FP = Σ p·(1 - g)`, `FN = Σ (1 - p)·g` of the softmax p and the one-hot labels g over the pixels that count.
 * With a = b = 1/2 it is the Dice loss of twice the `smooth`, with a = b = 1 the soft Jaccard loss. A batch with no pixel that
 * counts gives 0.
 *
 * Source: Salehi et al., MLMI 2017, with the weights it found best (there α for a and β for b).
 *
 * @returns a scalar in [0, 1]
 * @throws `size-mismatch` when logits and labels do not go together; `invalid-argument` for a label out of range or an option
 */
export function tverskyLoss<T>(
  ops: TensorOps<T>,
  inputs: LabelledLogits<T>,
  options: TverskyOptions = {},
): T {
  return focalTverskyLoss(ops, inputs, { ...options, gamma: 1 })
}

/**
 * Focal Tversky loss: the mean over classes of {@link tverskyLoss}'s term to the power `1 / gamma`, which for gamma above 1
 * attends more to classes that are nearly right. Where a class is perfect its gradient is taken as 0.
 *
 * Source: Abraham and Khan, ISBI 2019, with its constants (there α weighs false negatives); the mean where it has the sum.
 *
 * @returns a scalar in [0, 1]
 * @throws as {@link tverskyLoss}
 */
export function focalTverskyLoss<T>(
  ops: TensorOps<T>,
  inputs: LabelledLogits<T>,
  options: FocalTverskyOptions = {},
): T {
  const { classes = 'all', smooth = 1, gamma = 4 / 3, ignoreIndex } = options
  const { falsePositives = 0.3, falseNegatives = 0.7 } = options
  checkNumber('falsePositives', falsePositives, 0)
  checkNumber('falseNegatives', falseNegatives, 0)
  checkNumber('smooth', smooth, 0)
  checkPositive('gamma', gamma)
  const data = labelled(ops, inputs, ignoreIndex)
  const { sum, mean } = classGroups(ops, data, { ...options, classes })
  const p = ops.multiply(softmax(ops, data.logits), data.mask)
  const hits = sum(ops.multiply(p, data.truth))
  const wrong = ops.add(
    ops.multiply(sum(ops.multiply(p, complement(ops, data.truth))), falsePositives),
    ops.multiply(sum(ops.multiply(data.truth, complement(ops, p))), falseNegatives),
  )
  return mean(power(ops, ratio(ops, wrong, ops.add(ops.add(hits, wrong), smooth)), 1 / gamma))
}
