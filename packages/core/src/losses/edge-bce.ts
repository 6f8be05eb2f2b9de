import type { TensorOps } from '../ops.js'
import { softplus } from './functions.js'
import { checkMap, edgeSize, type IntegerArray } from './inputs.js'

export interface EdgeInputs<T> {
  /** Edge logits, [images, 1, height, width]. */
  readonly edgeLogits: T
  /** Edge truth, images x height x width in C order: 1 on an edge, 0 off it, more where it does not count. */
  readonly edgeLabels: IntegerArray
}

/**
 * Binary cross-entropy of the edge logits, balanced over the batch: an edge pixel weighs the share of the others, one off
 * the edges the share of the edge pixels, one that does not count 0; the mean is over all pixels. With no edges, or nothing
 * else, every weight is 0 and so is the loss.
 *
 * Source: `JointEdgeSegLoss.bce2d` of the published code, from Gated-SCNN (Takikawa et al., ICCV 2019).
 *
 * @returns a scalar, at least 0, in nats
 * @throws `size-mismatch` when the inputs do not go together; `invalid-argument` for labels in an array of another type
 */
export function edgeBce<T>(ops: TensorOps<T>, { edgeLogits, edgeLabels }: EdgeInputs<T>): T {
  const size = edgeSize(ops, edgeLogits)
  checkMap('edgeLabels', edgeLabels, size)
  const positives = count(edgeLabels, 1)
  const negatives = count(edgeLabels, 0)
  const judged = positives + negatives
  const weightOf = [positives / judged, negatives / judged]
  const signs = new Float32Array(edgeLabels.length)
  const weights = new Float64Array(edgeLabels.length)
  for (let i = 0; i < edgeLabels.length; i++) {
    signs[i] = edgeLabels[i] === 1 ? -1 : 1
    weights[i] = weightOf[edgeLabels[i]!] ?? 0
  }
  const shape = ops.shape(edgeLogits)
  // -log sigmoid(x) on an edge is softplus(-x), and -log(1 - sigmoid(x)) off it softplus(x).
  const surprise = softplus(ops, ops.multiply(edgeLogits, ops.constant(signs, shape)))
  return ops.divide(ops.sum(ops.multiply(surprise, ops.constant(weights, shape))), edgeLabels.length)
}

function count(values: IntegerArray, value: number): number {
  let n = 0
  for (let i = 0; i < values.length; i++) if (values[i] === value) n++
  return n
}
