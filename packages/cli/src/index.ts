export { type EvaluatedImage, evaluateImages, type StageSeconds } from './evaluation/evaluate-images.js'
export { exitCodes } from './exit-codes.js'
export { run } from './run.js'
export type { Terminal } from './terminal.js'
