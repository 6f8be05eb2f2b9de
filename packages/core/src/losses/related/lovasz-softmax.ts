import { checkArgument } from '@inverseform/errors'
import { complement, softmax } from '../../math.js'
import type { SortOps, TensorOps } from '../../ops.js'
import type { SegmentationLossInputs } from '../inputs.js'
import { type ClassMeanOptions, classGroups } from './class-groups.js'
import { pixelData } from './pixel-data.js'

export interface LovaszSoftmaxLossOptions extends ClassMeanOptions {
  /** The classes of the mean: `all`, or those `present` in the target. Default `present`. */
  readonly classes?: 'all' | 'present'
}

/**
 * Lovász-softmax: the mean over classes of the Lovász extension of the Jaccard loss at the errors `|g - p|` of the valid pixels,
 * with p the softmax and g the one-hot target. With the errors e sorted from large to small, it is `Σ e_k (J_k - J_{k-1})`.
 * `J_k = k / (P + k - P_k)` is the Jaccard loss when the first k pixels are wrong, P the number of pixels of the class and P_k
 * the number of those among the first k. An image without valid pixels adds 0.
 *
 * Source: Berman et al., CVPR 2018, and its code (`lovasz_softmax`), with the same defaults.
 *
 * @param ops operations that include {@link SortOps}, such as `arrayOps()`, `tfjsOps()` and `jaxOps()`
 * @returns a scalar in [0, 1]
 * @throws InverseFormError `size-mismatch` when the sizes of logits and target differ; `invalid-argument` for a target value
 *   that is not a class, an invalid option, or operations without `descendingSums`
 */
export function lovaszSoftmaxLoss<T>(
  ops: TensorOps<T> & SortOps<T>,
  inputs: SegmentationLossInputs<T>,
  options: LovaszSoftmaxLossOptions = {},
): T {
  const { classes = 'present', perImage = false, ignoreIndex } = options
  checkArgument(
    'ops.descendingSums',
    ops.descendingSums,
    typeof ops.descendingSums === 'function',
    'a function',
    {
      hint: 'Implement SortOps for the tensor library. Lovász-softmax needs it to sort.',
    },
  )
  const data = pixelData(ops, inputs, ignoreIndex)
  const { mean } = classGroups(ops, data, { ...options, classes })
  const { images, pixels } = data
  const groups = perImage ? images : 1
  const rows = (x: T) =>
    perImage || images === 1
      ? x
      : ops.reshape(ops.transpose(x, [1, 0, 2]), [1, ops.shape(x)[1], images * pixels])

  const oneHot = rows(data.oneHot)
  // Ignored pixels have no error and no place in the order.
  const valid = ops.add(ops.multiply(oneHot, 0), rows(data.mask))
  const errors = rows(ops.multiply(ops.abs(ops.subtract(data.oneHot, softmax(ops, data.logits))), data.mask))
  const [places, found] = ops.descendingSums(ops.stopGradient(errors), [valid, oneHot]) as [T, T]
  const positives = ops.sum(oneHot, [2], true)
  const missed = ops.subtract(positives, found)
  const union = ops.add(places, missed)
  // J_k - J_{k-1} without subtracting nearly equal numbers: 1 / union for a pixel of the class, else
  // (P - P_k) / (union (union - 1)). For an absent class, 1 for the largest error and 0 for the others.
  const others = ops.divide(
    ops.multiply(ops.subtract(valid, oneHot), missed),
    ops.maximum(ops.subtract(union, 1), 1),
  )
  const known = ops.divide(ops.add(oneHot, others), ops.maximum(union, 1))
  const neither = ops.add(ops.greater(positives, 0), ops.greater(places, 1))
  const steps = ops.add(known, ops.multiply(valid, complement(ops, ops.greater(neither, 0))))
  return mean(ops.reshape(ops.sum(ops.multiply(errors, steps), [2]), [groups, data.numClasses]))
}
