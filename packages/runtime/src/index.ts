export { InverseFormError, isInverseFormError } from '@inverseform/errors'
export type { Backend, Session } from './backend.js'
export { argmaxLabels, enlargedLabels, type Labels } from './labels.js'
export { type Network, runNetwork, type TileOption } from './network.js'
export { normaliseImages } from './normalise.js'
export { HMS_SCALES } from './scales.js'
export {
  type Segmentation,
  type SegmentOptions,
  type SegmentOutput,
  type SegmentProgress,
  type SegmentTimings,
  segmentImages,
} from './segment-images.js'
export { type LoadTimings, type Segmenter, segmentBatch } from './segmenter.js'
export type { RgbImage, Tensor } from './tensor.js'
export type { TileSize } from './tiles.js'
