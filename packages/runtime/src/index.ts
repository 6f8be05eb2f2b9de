export { InverseFormError, isInverseFormError } from '@inverseform/errors'
export type { Backend, Session } from './backend.js'
export { type FeatureMap, featureMap } from './feature-map.js'
export { argmaxLabels, enlargedLabels, type Labels } from './labels.js'
export { type Network, runNetwork } from './network.js'
export { normaliseImages } from './normalise.js'
export { HMS_SCALES } from './scales.js'
export { segmentBatch, segmentImages } from './segment-images.js'
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
export type { RgbImage, Tensor } from './tensor.js'
export type { Tile, TileOption, TileSize } from './tiles.js'
