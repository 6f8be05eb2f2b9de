import { peakActivationBytes, TYPICAL_SIZE } from '../memory.js'
import { isQuantized, withoutQuantization } from '../quantization.js'
import type { Graph } from '../value.js'
import { commuteResize } from './commute-resize.js'
import { convolveSmall } from './convolve-small.js'
import { flattenPointwise } from './flatten-pointwise.js'
import { foldBatchNorm } from './fold-batch-norm.js'
import { mergeStem } from './merge-stem.js'
import { splitChannels } from './split-channels.js'
import { splitConcat } from './split-concat.js'
import { splitHidden } from './split-hidden.js'
import { splitMiscomputed } from './split-miscomputed.js'

export { rewrite } from './rewrite.js'

/** The graph passes by name, in the order in which to run them. */
export const passes = {
  foldBatchNorm,
  convolveSmall,
  commuteResize,
  splitConcat,
  splitChannels,
  splitHidden,
  mergeStem,
  splitMiscomputed,
  flattenPointwise,
}
export type PassName = keyof typeof passes

/** Networks whose maps take more bytes than this, for an image of 1024x2048, are computed in parts. */
const LARGE = 2 ** 30

export interface CpuFeatures {
  /** Whether the processor has AVX-512, or is no x64 processor; `true` by default. */
  readonly avx512?: boolean
}

/**
 * Prepares a graph for the CPU, natively or as WebAssembly, with the passes that measurements chose (docs/decisions/039). Graphs
 * of rounded maps stay as they are.
 */
export function forCpu(graph: Graph, { avx512 = true }: CpuFeatures = {}): Graph {
  if (isQuantized(graph)) return graph
  const convolved = convolveSmall(graph)
  const isLarge = peakActivationBytes(convolved, TYPICAL_SIZE) > LARGE
  const split = isLarge ? splitChannels(convolved) : convolved
  return avx512 ? split : flattenPointwise(split)
}

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
