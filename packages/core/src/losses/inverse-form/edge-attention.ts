import { checkNumber } from '@inverseform/errors'
import { complement } from '../../math.js'
import type { FusedOps, TensorOps } from '../../ops.js'
import {
  checkSamePixels,
  checkTarget,
  edgeSize,
  type MapSize,
  mapSize,
  type SegmentationLossInputs,
} from '../inputs.js'
import { oneHot, type ValidPixels, validPixels } from '../valid-pixels.js'
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
  const { images, height, width } = size
  edgeSize(ops, edgeLogits)
  checkSamePixels('logits', ops.shape(logits), 'edgeLogits', ops.shape(edgeLogits))
  checkTarget('target', target, size)
  const pixels = height * width

  // Only the tensor library knows the predicted edges.
  const valid = validPixels(target, size, ignoreIndex)
  const mask = ops.constant(valid.valid, [images, pixels])
  const edges = ops.reshape(ops.greater(edgeLogits, threshold), [images, pixels])
  const attended = ops.multiply(edges, mask)
  const { sumByClass, lookUp } = classOperations(ops, valid, size)
  const imageCounts = sumByClass(attended)
  const counts = perImage ? imageCounts : ops.sum(imageCounts, [0], true)
  const total = ops.sum(counts, [1], true)
  const share = ops.divide(counts, ops.add(total, complement(ops, ops.greater(total, 0))))
  const present = ops.greater(counts, 0)
  const excess = norm
    ? ops.divide(present, ops.add(share, complement(ops, present)))
    : ops.multiply(present, complement(ops, share))
  const table = ops.add(ops.multiply(excess, upperBound), 1)
  const weights = ops.multiply(lookUp(table), attended)
  return weightedCrossEntropy(
    ops,
    logits,
    valid.indices,
    ops.reshape(weights, [images, height, width]),
    reduction,
  )
}

/** Returns operations that sum [images, pixels] by class, and take each pixel's value of a table, [images or 1, classes]. */
function classOperations<T>(
  ops: TensorOps<T> & Partial<FusedOps<T>>,
  valid: ValidPixels,
  size: MapSize,
): { sumByClass(values: T): T; lookUp(table: T): T } {
  const { sumByClass, lookUp } = ops
  const { images, channels: numClasses, height, width } = size
  const pixels = height * width
  if (sumByClass && lookUp) {
    return {
      sumByClass: (values) => sumByClass(values, valid.indices, numClasses),
      lookUp: (table) => lookUp(table, valid.indices, images),
    }
  }
  const members = ops.constant(oneHot(valid, size), [images, numClasses, pixels])
  return {
    sumByClass(values) {
      const rows = ops.reshape(values, [images, 1, pixels])
      return ops.reshape(ops.matmul(rows, members, { transposeB: true }), [images, numClasses])
    },
    lookUp: (table) =>
      ops.reshape(ops.matmul(ops.reshape(table, [ops.shape(table)[0], 1, numClasses]), members), [
        images,
        pixels,
      ]),
  }
}
