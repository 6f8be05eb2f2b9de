import { softplus } from '../../math.js'
import type { TensorOps } from '../../ops.js'
import { checkTarget, edgeSize, type IntegerArray } from '../inputs.js'

export interface EdgeLossInputs<T> {
  /** Edge logits, [images, 1, height, width]. */
  readonly edgeLogits: T
  /** Target edges, images x height x width in C order: 1 on an edge, 0 elsewhere, any other value where ignored. */
  readonly edgeTarget: IntegerArray
}

/**
 * Binary cross-entropy of the edge logits, balanced over the batch. An edge pixel weighs the share of non-edge pixels, a
 * non-edge pixel the share of edge pixels, and an ignored pixel 0. The mean is over all pixels. The loss is 0 if all valid
 * pixels are edges, or none is.
 *
 * Source: `JointEdgeSegLoss.bce2d` of the published code, from Gated-SCNN (Takikawa et al., ICCV 2019).
 *
 * @returns a scalar, at least 0, in nats
 * @throws InverseFormError `size-mismatch` when the sizes of the inputs differ; `invalid-argument` unless the target is an
 *   integer array
 */
export function edgeBceLoss<T>(ops: TensorOps<T>, { edgeLogits, edgeTarget }: EdgeLossInputs<T>): T {
  const size = edgeSize(ops, edgeLogits)
  checkTarget('edgeTarget', edgeTarget, size)
  let [positives, negatives] = [0, 0]
  for (let i = 0; i < edgeTarget.length; i++) {
    if (edgeTarget[i] === 1) positives++
    else if (edgeTarget[i] === 0) negatives++
  }
  const edgeWeight = negatives / (positives + negatives)
  const otherWeight = positives / (positives + negatives)
  const signs = new Float32Array(edgeTarget.length).fill(1)
  const weights = new Float64Array(edgeTarget.length)
  for (let i = 0; i < edgeTarget.length; i++) {
    if (edgeTarget[i] === 1) {
      signs[i] = -1
      weights[i] = edgeWeight
    } else if (edgeTarget[i] === 0) {
      weights[i] = otherWeight
    }
  }
  const shape = ops.shape(edgeLogits)
  // -log sigmoid(x) is softplus(-x), and -log(1 - sigmoid(x)) is softplus(x).
  const crossEntropy = softplus(ops, ops.multiply(edgeLogits, ops.constant(signs, shape)))
  return ops.divide(ops.sum(ops.multiply(crossEntropy, ops.constant(weights, shape))), edgeTarget.length)
}
