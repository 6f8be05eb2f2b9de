import { InverseFormError } from '@inverseform/errors'
import { complement } from '../../norm.js'
import type { TensorOps } from '../../ops.js'
import type { SortOps } from '../../sort-ops.js'
import { softmax } from '../functions.js'
import { type ClassOptions, classGroups } from './class-groups.js'
import { type LabelledLogits, labelled } from './labelled.js'

export interface LovaszSoftmaxOptions extends ClassOptions {
  /** Classes of the mean. Default `present`. */
  readonly classes?: 'all' | 'present'
}

/**
 * Lovász-softmax: for each class, the Lovász extension of the Jaccard loss at the errors `|g - p|` of the pixels that count (p
 * the softmax, g the one-hot labels), then the mean over classes. With the errors sorted from large to small it is
 * `Σ e_k (J_k - J_{k-1})`, where `J_k = k / (P + k - P_k)` is the Jaccard loss when the first k pixels are wrong, P the
 * number of true pixels and P_k of those among the first k. An image with no pixel that counts adds 0.
 *
 * Source: Berman et al., CVPR 2018, and its code (`lovasz_softmax`), whose defaults these are.
 *
 * @param ops with {@link SortOps}, which `arrayOps()`, `tfjsOps` and `jaxOps` have
 * @returns a scalar in [0, 1]
 * @throws `size-mismatch` when logits and labels do not go together; `invalid-argument` for a label out of range or an option
 */
export function lovaszSoftmaxLoss<T>(
  ops: TensorOps<T> & SortOps<T>,
  inputs: LabelledLogits<T>,
  options: LovaszSoftmaxOptions = {},
): T {
  const { classes = 'present', perImage = false, ignoreIndex } = options
  if (!ops.descendingSums) {
    throw new InverseFormError('invalid-argument', 'The tensor library has no descendingSums.', {
      hint: 'Add the function that SortOps describes to its operations: Lovász-softmax sorts.',
    })
  }
  const data = labelled(ops, inputs, ignoreIndex)
  const { mean } = classGroups(ops, data, { ...options, classes })
  const { images, pixels } = data
  const groups = perImage ? images : 1
  const rows = (x: T) =>
    perImage || images === 1
      ? x
      : ops.reshape(ops.transpose(x, [1, 0, 2]), [1, ops.shape(x)[1]!, images * pixels])

  const truth = rows(data.truth)
  // Pixels that do not count have neither an error nor a place in the order.
  const counted = ops.add(ops.multiply(truth, 0), rows(data.mask))
  const errors = rows(ops.multiply(ops.abs(ops.subtract(data.truth, softmax(ops, data.logits))), data.mask))
  const [places, found] = ops.descendingSums(ops.stopGradient(errors), [counted, truth]) as [T, T]
  const positives = ops.sum(truth, [2], true)
  const missed = ops.subtract(positives, found)
  const union = ops.add(places, missed)
  // J_k - J_{k-1} without the difference of nearly equal numbers: 1 / union where the pixel is true, else
  // (P - P_k) / (union (union - 1)); of an absent class, 1 for the largest error and 0 for the others.
  const others = ops.divide(
    ops.multiply(ops.subtract(counted, truth), missed),
    ops.maximum(ops.subtract(union, 1), 1),
  )
  const known = ops.divide(ops.add(truth, others), ops.maximum(union, 1))
  const neither = ops.add(ops.greater(positives, 0), ops.greater(places, 1))
  const steps = ops.add(known, ops.multiply(counted, complement(ops, ops.greater(neither, 0))))
  return mean(ops.reshape(ops.sum(ops.multiply(errors, steps), [2]), [groups, data.classes]))
}
