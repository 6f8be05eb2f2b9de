export type { LoadReport, SegmentationModelName } from '@inverseform/backbones'
export { InverseFormError, isInverseFormError } from '@inverseform/errors'
export type {
  RgbImage,
  Segmentation,
  Segmenter,
  SegmentOptions,
  SegmentOutput,
  SegmentProgress,
  TileOption,
} from '@inverseform/runtime'
export { createSegmenter, type NodeSegmenter } from './create-segmenter.js'
export { type ImageInput, readImage } from './images.js'
export type { Device, SegmenterOptions } from './options.js'
