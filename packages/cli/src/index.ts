export {
  type EvaluatedImage,
  type EvaluateImagesOptions,
  evaluateImages,
  type StageSeconds,
} from './evaluation/evaluate-images.js'
export { cityscapesClasses, plainClasses, type ScoredClasses } from './evaluation/scored-classes.js'
export { exitCodes } from './exit-codes.js'
export { run } from './run.js'
export type { Terminal } from './terminal.js'
