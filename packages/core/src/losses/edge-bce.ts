import type { TensorOps } from '../ops.js'
import { checkMap, edgeSize, type IntegerArray } from './inputs.js'

export interface EdgeInputs<T> {
  /** Edge logits, [images, 1, height, width]. */
  readonly edge: T
  /** Edge truth, images x height x width in C order: 1 on an edge, 0 off it, more where it does not count. */
  readonly edges: IntegerArray
}

/**
 * Binary cross-entropy of the edge logits, balanced over the batch: an edge pixel weighs the share of the others, one off
 * the edges the share of the edge pixels, one that does not count 0; the mean is over all pixels. With no edges, or nothing
 * else, every weight is 0 and so is the loss.
 *
 * Source: `JointEdgeSegLoss.bce2d` of the published code, from Gated-SCNN (Takikawa et al., ICCV 2019).
 *
 * @returns a scalar, at least 0, in nats
 * @throws `size-mismatch` when edge and edges do not go together
 */
export function edgeBce<T>(ops: TensorOps<T>, { edge, edges }: EdgeInputs<T>): T {
  const size = edgeSize(ops, edge)
  checkMap('edges', edges, size)
  const positives = count(edges, 1)
  const negatives = count(edges, 0)
  const judged = positives + negatives
  const weightOf = [positives / judged, negatives / judged]
  const targets = new Float32Array(edges.length)
  const weights = new Float32Array(edges.length)
  for (let i = 0; i < edges.length; i++) {
    targets[i] = edges[i] === 1 ? 1 : 0
    weights[i] = weightOf[edges[i]!] ?? 0
  }
  const shape = ops.shape(edge)
  // -log sigmoid(±x) = max(x, 0) - x·y + log(1 + exp(-|x|)), with max(x, 0) by way of |x| so that the gradient at 0 is right.
  const magnitude = ops.abs(edge)
  const tail = ops.log(ops.add(ops.exp(ops.multiply(magnitude, -1)), 1))
  const relu = ops.multiply(ops.add(edge, magnitude), 0.5)
  const surprise = ops.add(ops.subtract(relu, ops.multiply(edge, ops.constant(targets, shape))), tail)
  return ops.divide(ops.sum(ops.multiply(surprise, ops.constant(weights, shape))), edges.length)
}

function count(values: IntegerArray, value: number): number {
  let n = 0
  for (let i = 0; i < values.length; i++) if (values[i] === value) n++
  return n
}
