import { checkLength, checkNumber, checkOneOf } from '@inverseform/errors'
import { complement, logSoftmax, power, softplus } from '../../math.js'
import type { TensorOps } from '../../ops.js'
import type { IgnoreOptions, SegmentationLossInputs } from '../inputs.js'
import { type PixelData, pixelData } from './pixel-data.js'

export interface FocalLossOptions extends IgnoreOptions {
  /** How strongly the loss discounts well-classified pixels; 0 gives cross-entropy. Default 2. */
  readonly gamma?: number
  /**
   * Weights in [0, 1], one for all classes or one for each. With `softmax`, the weight of a pixel is that of its target class.
   * With `sigmoid`, positives of a class weigh `alpha` and negatives `1 - alpha` (0.25 in the paper). Default: no weights.
   */
  readonly alpha?: number | readonly number[]
  /** One softmax over the classes (default), or a sigmoid for each class, as in the paper. */
  readonly activation?: 'softmax' | 'sigmoid'
}

/**
 * Focal loss: the mean over valid pixels of `-α (1 - p_t)^gamma log p_t`, with p_t the probability of the target. With `sigmoid`
 * it is summed over classes; since each pixel is positive for one class, the mean equals the paper's division by the number of
 * positives. Without valid pixels the loss is 0.
 *
 * Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017.
 *
 * @returns a scalar, at least 0, in nats
 * @throws InverseFormError `size-mismatch` when the sizes of logits and target differ, or the number of classes and of `alpha`;
 *   `invalid-argument` for a target value that is not a class or an invalid option
 */
export function focalLoss<T>(
  ops: TensorOps<T>,
  inputs: SegmentationLossInputs<T>,
  options: FocalLossOptions = {},
): T {
  const { gamma = 2, alpha, activation = 'softmax', ignoreIndex } = options
  checkNumber('gamma', gamma, { min: 0 })
  checkOneOf('activation', activation, ['softmax', 'sigmoid'])
  const data = pixelData(ops, inputs, ignoreIndex)
  const weights = classAlphas(alpha, data.numClasses)
  const terms = activation === 'softmax' ? softmaxTerms : sigmoidTerms
  return ops.divide(ops.sum(terms(ops, data, gamma, weights)), Math.max(data.numValid, 1))
}

type ClassAlphas = readonly number[] | undefined

function softmaxTerms<T>(ops: TensorOps<T>, data: PixelData<T>, gamma: number, alpha: ClassAlphas): T {
  const logs = ops.takeAlongAxis(logSoftmax(ops, data.logits), data.indices, 1)
  const weights = Float64Array.from(data.indices, (c, i) => -data.valid[i] * (alpha?.[c] ?? 1))
  const crossEntropy = ops.multiply(logs, ops.constant(weights, [data.images, data.pixels]))
  if (gamma === 0) return crossEntropy
  // An approximate exp or log, such as that of a GPU, may give a logarithm above 0.
  const missing = ops.maximum(complement(ops, ops.exp(logs)), 0)
  return ops.multiply(power(ops, missing, gamma), crossEntropy)
}

function sigmoidTerms<T>(ops: TensorOps<T>, data: PixelData<T>, gamma: number, alpha: ClassAlphas): T {
  const { logits, oneHot, mask } = data
  // The logits of being wrong: -x for the target class, x for the others.
  const wrong = ops.multiply(logits, ops.add(ops.multiply(oneHot, -2), 1))
  const crossEntropy = ops.multiply(softplus(ops, wrong), mask)
  const focused =
    gamma === 0 ? crossEntropy : ops.multiply(crossEntropy, power(ops, ops.sigmoid(wrong), gamma))
  if (!alpha) return focused
  const negatives = ops.constant(
    alpha.map((a) => 1 - a),
    [data.numClasses, 1],
  )
  const rise = ops.constant(
    alpha.map((a) => 2 * a - 1),
    [data.numClasses, 1],
  )
  return ops.multiply(focused, ops.add(ops.multiply(oneHot, rise), negatives))
}

function classAlphas(alpha: number | readonly number[] | undefined, numClasses: number): ClassAlphas {
  if (alpha === undefined) return undefined
  const list = Array.isArray(alpha)
    ? (alpha as readonly number[])
    : new Array<number>(numClasses).fill(alpha as number)
  for (const value of list) checkNumber('alpha', value, { min: 0, max: 1 })
  checkLength('alpha', list.length, numClasses, 'one for each class')
  return list
}
