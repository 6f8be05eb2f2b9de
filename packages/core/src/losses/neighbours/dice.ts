import type { TensorOps } from '../../ops.js'
import { checkNumber } from '../../options.js'
import { ratio, softmax } from '../functions.js'
import { type ClassOptions, classGroups } from './class-groups.js'
import { type LabelledLogits, labelled } from './labelled.js'

export interface DiceOptions extends ClassOptions {
  /** Classes of the mean. Default `all`. */
  readonly classes?: 'all' | 'present'
  /** Sum squares in the denominator, as V-Net does. Default false. */
  readonly squared?: boolean
  /** Added to both sides of the fraction, in pixels. Default 1; V-Net has 0. */
  readonly smooth?: number
}

/**
 * Soft Dice loss: the mean over classes of `1 - (2 Σ p·g + smooth) / (Σ p + Σ g + smooth)` with p the softmax, g the one-hot
 * labels and sums over the pixels that count; with `squared` the denominator is `Σ p² + Σ g² + smooth`. A batch with no pixel
 * that counts gives 0.
 *
 * Source: Milletari et al., V-Net, 3DV 2016 (squared); Drozdzal et al., DLMIA 2016 (plain sums).
 *
 * @returns a scalar in [0, 1]
 * @throws `size-mismatch` when logits and labels do not go together; `invalid-argument` for a label out of range or an option
 */
export function diceLoss<T>(ops: TensorOps<T>, inputs: LabelledLogits<T>, options: DiceOptions = {}): T {
  const { classes = 'all', squared = false, smooth = 1, ignoreIndex } = options
  checkNumber('smooth', smooth, 0)
  const data = labelled(ops, inputs, ignoreIndex)
  const { sum, mean } = classGroups(ops, data, { ...options, classes })
  const p = ops.multiply(softmax(ops, data.logits), data.mask)
  const overlap = sum(ops.multiply(p, data.truth))
  const size = ops.add(sum(squared ? ops.multiply(p, p) : p), sum(data.truth))
  // One minus the fraction, as one fraction: exact near 0, and 0 where there is nothing to judge.
  return mean(ratio(ops, ops.subtract(size, ops.multiply(overlap, 2)), ops.add(size, smooth)))
}
