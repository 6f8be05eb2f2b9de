import { checkBoolean, checkNumber } from '@inverseform/errors'
import { ratio, softmax } from '../../math.js'
import type { TensorOps } from '../../ops.js'
import type { SegmentationLossInputs } from '../inputs.js'
import { type ClassMeanOptions, classGroups } from './class-groups.js'
import { pixelData } from './pixel-data.js'

export interface DiceLossOptions extends ClassMeanOptions {
  /** The classes of the mean: `all`, or those `present` in the target. Default `all`. */
  readonly classes?: 'all' | 'present'
  /** Sums squares in the denominator, as V-Net does. Default false. */
  readonly squared?: boolean
  /** Added to numerator and denominator, in pixels. Default 1; V-Net uses 0. */
  readonly smooth?: number
}

/**
 * Soft Dice loss: the mean over classes of `1 - (2 Σ p·g + smooth) / (Σ p + Σ g + smooth)`, with p the softmax, g the one-hot
 * target and sums over valid pixels. With `squared`, the denominator is `Σ p² + Σ g² + smooth`. Without valid pixels the loss
 * is 0.
 *
 * Source: Milletari et al., V-Net, 3DV 2016 (squared); Drozdzal et al., DLMIA 2016 (plain sums).
 *
 * @returns a scalar in [0, 1]
 * @throws InverseFormError `size-mismatch` when the sizes of logits and target differ; `invalid-argument` for a target value
 *   that is not a class or an invalid option
 */
export function diceLoss<T>(
  ops: TensorOps<T>,
  inputs: SegmentationLossInputs<T>,
  options: DiceLossOptions = {},
): T {
  const { classes = 'all', squared = false, smooth = 1, ignoreIndex } = options
  checkBoolean('squared', squared)
  checkNumber('smooth', smooth, { min: 0 })
  const data = pixelData(ops, inputs, ignoreIndex)
  const { sum, mean } = classGroups(ops, data, { ...options, classes })
  const p = ops.multiply(softmax(ops, data.logits), data.mask)
  const overlap = sum(ops.multiply(p, data.oneHot))
  const size = ops.add(sum(squared ? ops.multiply(p, p) : p), sum(data.oneHot))
  // One minus the fraction, as a single fraction: exact near 0, and 0 without valid pixels.
  return mean(ratio(ops, ops.subtract(size, ops.multiply(overlap, 2)), ops.add(size, smooth)))
}
