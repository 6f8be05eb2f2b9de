export { InverseFormError, isInverseFormError } from '@inverseform/errors'
export { arrayEngine, tensorBatch } from './array-engine.js'
export type { Backend, Session } from './backend.js'
export { indicesBySize } from './by-size.js'
export { compact } from './compact.js'
export { disposedError } from './disposed.js'
export type { Blender, ClassRequest, Engine, ImageBatch, View, ViewMap } from './engine.js'
export { type FeatureMap, featureMap } from './feature-map.js'
export { argmaxLabels, enlargedLabels, type Labels, type Readout } from './labels.js'
export {
  type Attempt,
  type Candidate,
  type Climb,
  climb,
  notUsable,
  type Precision,
  type Rung,
  type RungOutcome,
  rungOf,
} from './ladder.js'
export type { Network } from './network.js'
export { FLOAT16_TOLERANCE, runTrial, type TrialOptions, tryNetwork } from './network-trial.js'
export { normaliseImages } from './normalise.js'
export { requireDevice, requireMemoryBudget, requireOption, requireThreads } from './options.js'
export { MAX_BATCH } from './plan.js'
export {
  PendingRequests,
  type RequestOptions,
  type RequestProgress,
  type RequestReply,
  type SendOptions,
} from './requests.js'
export { requireRgbImage } from './require-image.js'
export { mapsAtScale1, type NetworkRun, runViews, type ViewRun } from './run-views.js'
export { HMS_SCALES } from './scales.js'
export { segmentBatch, segmentImages } from './segment-images.js'
export { segmentLoaded } from './segment-loaded.js'
export { segmentTensor } from './segment-tensor.js'
export type {
  Segmentation,
  SegmentImagesOptions,
  SegmentOptions,
  SegmentOutput,
  SegmentProgress,
  SegmentTimings,
} from './segmentation.js'
export type { LoadTimings, Segmenter } from './segmenter.js'
export {
  type CheckOutputs,
  disagreement,
  disagreementReason,
  disagrees,
  runCheck,
  SELF_CHECK_TOLERANCE,
} from './self-check.js'
export type { RgbImage, Tensor } from './tensor.js'
export type { Tile, TileOption, TileSize } from './tiles.js'
