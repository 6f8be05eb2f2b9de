export { type Dataset, type DatasetOptions, openDataset, type Sample, type Shard } from './node/dataset.js'
export type { PairToEvaluate, PixelIds } from './node/evaluate-pair.js'
export { type EvaluatePairsOptions, type EvaluationProgress, evaluatePairs } from './node/evaluate-pairs.js'
export { type MatchByStemOptions, matchByStem, type ResultPair } from './node/match-by-stem.js'
export {
  createMetrics,
  type MetricName,
  type MetricSelection,
  type Metrics,
  mergeMetrics,
  metricsFromJSON,
} from './node/metric-set.js'
export {
  type CreatedLabelImages,
  type CreateLabelImagesOptions,
  createLabelImages,
  readPolygons,
} from './node/polygons.js'
export { readInstanceIds, readLabelIds, readLabelPng } from './node/read.js'
export {
  type MatchPairsOptions,
  matchPairs,
  type OfficialPair,
  officialResultPath,
} from './node/result-pairs.js'
export { type CreateSubmissionOptions, createSubmission } from './node/submission.js'
