export type { LoadReport, SegmentationModelName } from '@inverseform/backbones'
export { InverseFormError, isInverseFormError } from '@inverseform/errors'
export type {
  Labels,
  LoadTimings,
  Precision,
  RgbImage,
  Rung,
  RungOutcome,
  Segmentation,
  Segmenter,
  SegmentOptions,
  SegmentOutput,
  SegmentProgress,
  TileOption,
} from '@inverseform/runtime'
export { createSegmenter, type WebSegmenter } from './create-segmenter.js'
export type { Device } from './devices.js'
export type { ImageInput } from './images.js'
export type { Weights } from './load-weights.js'
export type {
  CheckpointSource,
  LoadProgress,
  SegmenterOptions,
  SelfCheckOption,
  WasmPaths,
} from './options.js'
export type { Picture, PictureOptions } from './picture.js'
export { classColors, type EdgeStyle, type PaintStyle } from './picture-style.js'
export { type CachedWeights, clearCachedWeights, listCachedWeights } from './weight-cache.js'
