import { complement } from '../norm.js'
import type { TensorOps } from '../ops.js'
import { checkChoice, checkNumber } from '../options.js'
import { countedPixels, oneHot } from './counted-pixels.js'
import type { CrossEntropyInputs, CrossEntropyOptions } from './cross-entropy.js'
import { checkMap, checkSamePixels, edgeSize, mapSize } from './inputs.js'
import { weightedLikelihood } from './weighted-likelihood.js'

export interface EdgeAttentionInputs<T> extends CrossEntropyInputs<T> {
  /** Edge logits, [images, 1, height, width]; no gradient flows to them. */
  readonly edgeLogits: T
}

export interface EdgeAttentionOptions extends CrossEntropyOptions {
  /** Pixels whose edge logit is above it are attended to. Default 0.8. */
  readonly threshold?: number
}

/**
 * The {@link crossEntropy} of the pixels that the network itself takes for edges, the rest ignored, also where the classes
 * are counted for their weights. An image with no such pixel adds 0 (where the published code has NaN).
 *
 * Source: `JointEdgeSegLoss.edge_attention` of the published code, from Gated-SCNN (Takikawa et al., ICCV 2019).
 *
 * @returns a scalar, at least 0, in nats
 * @throws `size-mismatch` when the inputs do not go together; `invalid-argument` for a label out of range or an option
 */
export function edgeAttention<T>(
  ops: TensorOps<T>,
  { logits, labels, edgeLogits }: EdgeAttentionInputs<T>,
  options: EdgeAttentionOptions = {},
): T {
  const { threshold = 0.8, upperBound = 1, norm = false, ignoreIndex = 255 } = options
  const { perImage = false, reduction = 'sum' } = options
  checkChoice('reduction', reduction, 'sum', 'mean')
  checkNumber('threshold', threshold)
  checkNumber('upperBound', upperBound, 0)
  const size = mapSize(ops, 'logits', logits)
  const { images, channels: classes, height, width } = size
  edgeSize(ops, edgeLogits)
  checkSamePixels('logits and edgeLogits', ops.shape(logits), ops.shape(edgeLogits))
  checkMap('labels', labels, size)
  const pixels = height * width

  // What is attended to is known to the tensor library alone, so classes are counted by products with their one-hot labels.
  const known = countedPixels(labels, size, ignoreIndex)
  const members = ops.constant(oneHot(known, size), [images, classes, pixels])
  const attended = ops.reshape(ops.greater(edgeLogits, threshold), [images, 1, pixels])
  const ofImages = ops.matmul(attended, members, { transposeB: true })
  const counts = perImage ? ofImages : ops.sum(ofImages, [0], true)
  const total = ops.sum(counts, [2], true)
  const share = ops.divide(counts, ops.add(total, complement(ops, ops.greater(total, 0))))
  const present = ops.greater(counts, 0)
  const excess = norm
    ? ops.divide(present, ops.add(share, complement(ops, present)))
    : ops.multiply(present, complement(ops, share))
  const table = ops.add(ops.multiply(excess, upperBound), 1)
  const weights = ops.multiply(ops.matmul(table, members), attended)
  return weightedLikelihood(
    ops,
    logits,
    known.indices,
    ops.reshape(weights, [images, height, width]),
    reduction,
  )
}
