export type { LoadReport, SegmentationModelName } from '@inverseform/backbones'
export { InverseFormError, isInverseFormError } from '@inverseform/errors'
export type {
  LoadTimings,
  RgbImage,
  Segmentation,
  Segmenter,
  SegmentOptions,
  SegmentOutput,
  SegmentProgress,
  TileOption,
} from '@inverseform/runtime'
export { createSegmenter, type WebSegmenter } from './create-segmenter.js'
export type { Device, Rung, RungOutcome } from './devices.js'
export type { ImageInput } from './images.js'
export type { CheckpointSource, LoadProgress, SegmenterOptions, WasmPaths } from './options.js'
