export { type Dataset, type DatasetOptions, openDataset, type Sample, type Shard } from './node/dataset.js'
export type { PairToEvaluate, PixelIds } from './node/evaluate/evaluate-pair.js'
export {
  type CountedPairs,
  type EvaluatePairsOptions,
  type EvaluationProgress,
  evaluatePairs,
} from './node/evaluate/evaluate-pairs.js'
export {
  createMetrics,
  type MetricName,
  type MetricSelection,
  type Metrics,
  mergeMetrics,
  metricsFromJSON,
  metricsToJSON,
} from './node/evaluate/metric-set.js'
export type { AnnotationType } from './node/files/layout.js'
export { type ReadLabelOptions, readInstanceIds, readLabelIds, readLabelPng } from './node/files/read.js'
export {
  type CreatedLabelImages,
  type CreateLabelImagesOptions,
  createLabelImages,
  type ReadPolygonsOptions,
  readPolygons,
} from './node/label-images.js'
export { type FilePair, type MatchByStemOptions, matchByStem } from './node/pairs/match-by-stem.js'
export {
  type MatchPairsOptions,
  matchPairs,
  type OfficialPair,
  officialResultPath,
} from './node/pairs/match-pairs.js'
export { type CreateSubmissionOptions, createSubmission } from './node/submission/submission.js'
