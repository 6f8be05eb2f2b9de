export type { LoadReport, SegmentationModelName } from '@inverseform/backbones'
export { InverseFormError, isInverseFormError } from '@inverseform/errors'
export type {
  Attempt,
  AttemptOutcome,
  Color,
  DefaultOutputs,
  EdgeStyle,
  Labels,
  LoadProgress,
  LoadTimings,
  OutlineStyle,
  PaintStyle,
  Precision,
  RgbImage,
  Segmentation,
  Segmenter,
  SegmentOptions,
  SegmentOutput,
  SegmentOutputs,
  SegmentProgress,
  SegmentTimings,
  SelfCheckOption,
  TileOption,
} from '@inverseform/runtime'
export { classColors } from '@inverseform/runtime'
export { type CachedCheckpoint, clearCachedCheckpoints, listCachedCheckpoints } from './checkpoint/cache.js'
export type { CheckpointOrigin } from './checkpoint/load.js'
export { createSegmenter, type WebSegmenter } from './create-segmenter.js'
export { type Device, devices } from './devices/devices.js'
export { type ReadImageOptions, readImage } from './images/read.js'
export type { ImageInput } from './images/send-image.js'
export type { CheckpointSource, SegmenterOptions, WasmPaths } from './options.js'
export type { PictureOptions } from './picture/options.js'
export type { Picture } from './picture/picture.js'
