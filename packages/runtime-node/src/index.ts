export type { LoadReport, SegmentationModelName, WeightPrecision } from '@inverseform/backbones'
export { InverseFormError, isInverseFormError } from '@inverseform/errors'
export type {
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
  Tensor,
  TileOption,
} from '@inverseform/runtime'
export { createInverseNet, type InverseNet, type TileTensor } from './create-inverse-net.js'
export { createSegmenter, type NodeSegmenter } from './create-segmenter.js'
export { type Device, devices } from './devices.js'
export { type DeviceDiagnosis, type Diagnosis, diagnose } from './diagnose.js'
export type { Gpu } from './gpus.js'
export { type ImageInput, readImage } from './images.js'
export type { InverseNetOptions, NetworkOptions, SegmenterOptions, SelfCheckOption } from './options.js'
