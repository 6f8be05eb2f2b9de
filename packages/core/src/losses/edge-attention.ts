import { complement } from '../norm.js'
import type { TensorOps } from '../ops.js'
import { type CrossEntropyInputs, type CrossEntropyOptions, checkChoices } from './cross-entropy.js'
import { checkMap, checkNumber, checkSamePixels, edgeSize, mapSize } from './inputs.js'
import { countedPixels, weightedLikelihood } from './weighted-likelihood.js'

export interface EdgeAttentionInputs<T> extends CrossEntropyInputs<T> {
  /** Edge logits, [images, 1, height, width]; no gradient flows to them. */
  readonly edge: T
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
  { logits, labels, edge }: EdgeAttentionInputs<T>,
  options: EdgeAttentionOptions = {},
): T {
  const { threshold = 0.8, upperBound = 1, norm = false, ignoreIndex = 255 } = options
  const { weighting = 'batch', reduction = 'sum' } = options
  checkChoices(options)
  checkNumber('threshold', threshold)
  checkNumber('upperBound', upperBound, 0)
  const size = mapSize(ops, 'logits', logits)
  const { images, channels: classes, height, width } = size
  edgeSize(ops, edge)
  checkSamePixels('logits and edge', ops.shape(logits), ops.shape(edge))
  checkMap('labels', labels, size)
  const pixels = height * width

  // What is attended to is known to the tensor library alone, so classes are counted by products with their one-hot labels.
  const { indices, counted } = countedPixels(labels, classes, ignoreIndex)
  const members = ops.constant(oneHot(indices, counted, classes, pixels), [images, classes, pixels])
  const attended = ops.reshape(ops.greater(edge, threshold), [images, 1, pixels])
  const perImage = ops.matmul(attended, members, { transposeB: true })
  const counts = weighting === 'batch' ? ops.sum(perImage, [0], true) : perImage
  const total = ops.sum(counts, [2], true)
  const share = ops.divide(counts, ops.add(total, complement(ops, ops.greater(total, 0))))
  const present = ops.greater(counts, 0)
  const excess = norm
    ? ops.divide(present, ops.add(share, complement(ops, present)))
    : ops.multiply(present, complement(ops, share))
  const table = ops.add(ops.multiply(excess, upperBound), 1)
  const weights = ops.multiply(ops.matmul(table, members), attended)
  return weightedLikelihood(ops, logits, indices, ops.reshape(weights, [images, height, width]), reduction)
}

/** [images, classes, pixels]: 1 for the class of each pixel that counts. */
function oneHot(indices: Int32Array, counted: Uint8Array, classes: number, pixels: number): Float32Array {
  const values = new Float32Array(indices.length * classes)
  for (let i = 0; i < indices.length; i++) {
    const image = Math.floor(i / pixels)
    values[(image * classes + indices[i]!) * pixels + (i - image * pixels)] = counted[i]!
  }
  return values
}
