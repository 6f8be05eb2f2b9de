import { InverseFormError } from '@inverseform/errors'
import { complement } from '../../norm.js'
import type { TensorOps } from '../../ops.js'
import { checkChoice, checkNumber, checkShare } from '../../options.js'
import { logSoftmax, power, softplus } from '../functions.js'
import { type IgnoreOptions, type Labelled, type LabelledLogits, labelled } from './labelled.js'

export interface FocalOptions extends IgnoreOptions {
  /** How strongly well-classified pixels are played down; 0 is cross-entropy. Default 2. */
  readonly gamma?: number
  /**
   * Weights in [0, 1], one for all classes or one for each. With `softmax` a pixel is weighed by its true class's; with
   * `sigmoid` a class's positives by it and its negatives by `1 - alpha` (0.25 in the paper). Default: no weights.
   */
  readonly alpha?: number | readonly number[]
  /** One softmax over the classes (default), or a sigmoid for each class, as in the paper. */
  readonly activation?: 'softmax' | 'sigmoid'
}

/**
 * Focal loss: `-α (1 - p_t)^gamma log p_t`, with p_t the probability given to the truth, summed over classes with `sigmoid`,
 * as a mean over the pixels that count (each is positive for one class, so that this is the paper's division by the number of
 * positives). A batch with no pixel that counts gives 0.
 *
 * Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017.
 *
 * @returns a scalar, at least 0, in nats
 * @throws `size-mismatch` when logits and labels, or classes and `alpha`, do not go together; `invalid-argument` for a label
 * out of range or an option
 */
export function focalLoss<T>(ops: TensorOps<T>, inputs: LabelledLogits<T>, options: FocalOptions = {}): T {
  const { gamma = 2, alpha, activation = 'softmax', ignoreIndex } = options
  checkNumber('gamma', gamma, 0)
  checkChoice('activation', activation, 'softmax', 'sigmoid')
  const data = labelled(ops, inputs, ignoreIndex)
  const weights = alphas(alpha, data.classes)
  const terms = activation === 'softmax' ? softmaxTerms : sigmoidTerms
  return ops.divide(ops.sum(terms(ops, data, gamma, weights)), Math.max(data.total, 1))
}

type Alphas = readonly number[] | undefined

function softmaxTerms<T>(ops: TensorOps<T>, data: Labelled<T>, gamma: number, alpha: Alphas): T {
  const logs = ops.pick(logSoftmax(ops, data.logits), data.indices, 1)
  const weights = Float64Array.from(data.indices, (c, i) => -data.counted[i]! * (alpha?.[c] ?? 1))
  const surprise = ops.multiply(logs, ops.constant(weights, [data.images, data.pixels]))
  if (gamma === 0) return surprise
  // An approximate exp or log, such as a GPU's, may take a logarithm above 0.
  const doubt = ops.maximum(complement(ops, ops.exp(logs)), 0)
  return ops.multiply(power(ops, doubt, gamma), surprise)
}

function sigmoidTerms<T>(ops: TensorOps<T>, data: Labelled<T>, gamma: number, alpha: Alphas): T {
  const { logits, truth, mask } = data
  // Logits for being wrong: -x for the true class, x for the others.
  const wrong = ops.multiply(logits, ops.add(ops.multiply(truth, -2), 1))
  const surprise = ops.multiply(softplus(ops, wrong), mask)
  const focused = gamma === 0 ? surprise : ops.multiply(surprise, power(ops, ops.sigmoid(wrong), gamma))
  if (!alpha) return focused
  const negatives = ops.constant(
    alpha.map((a) => 1 - a),
    [data.classes, 1],
  )
  const rise = ops.constant(
    alpha.map((a) => 2 * a - 1),
    [data.classes, 1],
  )
  return ops.multiply(focused, ops.add(ops.multiply(truth, rise), negatives))
}

function alphas(alpha: number | readonly number[] | undefined, classes: number): Alphas {
  if (alpha === undefined) return undefined
  const list = typeof alpha === 'number' ? new Array<number>(classes).fill(alpha) : alpha
  for (const value of list) checkShare('alpha', value)
  if (list.length === classes) return list
  throw new InverseFormError('size-mismatch', `alpha has ${list.length} weights for ${classes} classes.`, {
    hint: 'Give one number, or one for each class.',
    details: { alpha: list.length, classes },
  })
}
