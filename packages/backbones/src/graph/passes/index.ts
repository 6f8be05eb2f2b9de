import { withoutQuantization } from '../quantization.js'
import type { Graph } from '../value.js'
import { commuteResize } from './commute-resize.js'
import { foldBatchNorm } from './fold-batch-norm.js'
import { mergeStem } from './merge-stem.js'
import { splitConcat } from './split-concat.js'
import { splitHidden } from './split-hidden.js'
import { splitMiscomputed } from './split-miscomputed.js'

export { rewrite } from './rewrite.js'

/** The graph passes by name, in the order in which to run them. */
export const passes = { foldBatchNorm, commuteResize, splitConcat, splitHidden, mergeStem, splitMiscomputed }
export type PassName = keyof typeof passes

/**
 * Prepares a graph for WebGPU: removes rounded maps, for which it has no kernels, the widest maps, and the convolutions that
 * ONNX Runtime computes wrongly.
 */
export function forWebGpu(graph: Graph): Graph {
  return [commuteResize, splitConcat, splitHidden, splitMiscomputed].reduce(
    (g, pass) => pass(g),
    withoutQuantization(graph),
  )
}
