export type { LoadReport, SegmentationModelName, WeightPrecision } from '@inverseform/backbones'
export { InverseFormError, isInverseFormError } from '@inverseform/errors'
export type {
  LoadTimings,
  RgbImage,
  Segmentation,
  Segmenter,
  SegmentOptions,
  SegmentOutput,
  SegmentProgress,
  Tensor,
  TileOption,
} from '@inverseform/runtime'
export { createInverseNet, type InverseNet, type TileTensor } from './create-inverse-net.js'
export { createSegmenter, type NodeSegmenter } from './create-segmenter.js'
export { type ImageInput, readImage } from './images.js'
export type { Device, InverseNetOptions, NetworkOptions, SegmenterOptions } from './options.js'
