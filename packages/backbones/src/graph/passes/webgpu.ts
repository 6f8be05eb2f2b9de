import type { Graph } from '../value.js'
import { commuteResize } from './commute-resize.js'
import { splitConcat } from './split-concat.js'
import { splitHidden } from './split-hidden.js'
import { splitMiscomputed } from './split-miscomputed.js'

/** A network as WebGPU is to get it: without the widest maps, and without what ONNX Runtime computes wrongly there. */
export function forWebGpu(graph: Graph): Graph {
  return [commuteResize, splitConcat, splitHidden, splitMiscomputed].reduce((g, pass) => pass(g), graph)
}
