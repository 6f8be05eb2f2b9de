export { type EvaluatedImage, type Evaluation, type EvaluationOptions, evaluate } from './evaluation.js'
export { exitCodes } from './exit-codes.js'
export { run } from './run.js'
export type { Terminal } from './terminal.js'
