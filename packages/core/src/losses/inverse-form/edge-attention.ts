import { checkNumber } from '@inverseform/errors'
import { complement } from '../../math.js'
import type { TensorOps } from '../../ops.js'
import { checkSamePixels, checkTarget, edgeSize, mapSize, type SegmentationLossInputs } from '../inputs.js'
import { oneHot, validPixels } from '../valid-pixels.js'
import { weightedCrossEntropy } from '../weighted-cross-entropy.js'
import { type CrossEntropyLossOptions, checkCrossEntropyOptions } from './cross-entropy.js'

export interface EdgeAttentionLossInputs<T> extends SegmentationLossInputs<T> {
  /** Edge logits, [images, 1, height, width]. No gradient flows to them. */
  readonly edgeLogits: T
}

export interface EdgeAttentionLossOptions extends CrossEntropyLossOptions {
  /** The loss counts pixels whose edge logit is above this. Default 0.8. */
  readonly threshold?: number
}

/**
 * {@link crossEntropyLoss} over the pixels that the network predicts as edges. Other pixels are ignored, also for the class
 * weights. An image without predicted edges adds 0, where the published code returns NaN.
 *
 * Source: `JointEdgeSegLoss.edge_attention` of the published code, from Gated-SCNN (Takikawa et al., ICCV 2019).
 *
 * @returns a scalar, at least 0, in nats
 * @throws InverseFormError `size-mismatch` when the sizes of the inputs differ; `invalid-argument` for a target value that is
 *   not a class or an invalid option
 */
export function edgeAttentionLoss<T>(
  ops: TensorOps<T>,
  { logits, target, edgeLogits }: EdgeAttentionLossInputs<T>,
  options: EdgeAttentionLossOptions = {},
): T {
  const { threshold = 0.8, upperBound = 1, norm = false, ignoreIndex = 255 } = options
  const { perImage = false, reduction = 'sum' } = options
  checkCrossEntropyOptions(options)
  checkNumber('threshold', threshold)
  const size = mapSize(ops, 'logits', logits)
  const { images, channels: numClasses, height, width } = size
  edgeSize(ops, edgeLogits)
  checkSamePixels('logits', ops.shape(logits), 'edgeLogits', ops.shape(edgeLogits))
  checkTarget('target', target, size)
  const pixels = height * width

  // Only the tensor library knows the predicted edges, so matrix products with the one-hot target count the classes.
  const valid = validPixels(target, size, ignoreIndex)
  const members = ops.constant(oneHot(valid, size), [images, numClasses, pixels])
  const attended = ops.reshape(ops.greater(edgeLogits, threshold), [images, 1, pixels])
  const imageCounts = ops.matmul(attended, members, { transposeB: true })
  const counts = perImage ? imageCounts : ops.sum(imageCounts, [0], true)
  const total = ops.sum(counts, [2], true)
  const share = ops.divide(counts, ops.add(total, complement(ops, ops.greater(total, 0))))
  const present = ops.greater(counts, 0)
  const excess = norm
    ? ops.divide(present, ops.add(share, complement(ops, present)))
    : ops.multiply(present, complement(ops, share))
  const table = ops.add(ops.multiply(excess, upperBound), 1)
  const weights = ops.multiply(ops.matmul(table, members), attended)
  return weightedCrossEntropy(
    ops,
    logits,
    valid.indices,
    ops.reshape(weights, [images, height, width]),
    reduction,
  )
}
