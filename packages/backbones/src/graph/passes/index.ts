import { commuteResize } from './commute-resize.js'
import { foldBatchNorm } from './fold-batch-norm.js'
import { mergeStem } from './merge-stem.js'
import { splitConcat } from './split-concat.js'
import { splitHidden } from './split-hidden.js'
import { splitMiscomputed } from './split-miscomputed.js'

export { rewrite } from './rewrite.js'
export { forWebGpu } from './webgpu.js'
export { commuteResize, foldBatchNorm, mergeStem, splitConcat, splitHidden, splitMiscomputed }

/** The graph passes by name, in the order in which they are run. */
export const passes = { foldBatchNorm, commuteResize, splitConcat, splitHidden, mergeStem, splitMiscomputed }
export type PassName = keyof typeof passes
