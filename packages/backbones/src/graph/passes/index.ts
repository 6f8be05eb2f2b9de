import { commuteResize } from './commute-resize.js'
import { foldBatchNorm } from './fold-batch-norm.js'
import { mergeStem } from './merge-stem.js'

export { rewrite } from './rewrite.js'
export { commuteResize, foldBatchNorm, mergeStem }

/** The graph passes by name, in the order in which they are run. */
export const passes = { foldBatchNorm, commuteResize, mergeStem }
export type PassName = keyof typeof passes
