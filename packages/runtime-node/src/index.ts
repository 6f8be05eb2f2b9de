export type { LoadReport, SegmentationModelName } from '@inverseform/backbones'
export type { WeightPrecision } from '@inverseform/backbones/onnx'
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
  PaintableSegmentation,
  PaintStyle,
  Precision,
  RgbaImage,
  RgbImage,
  Segmentation,
  Segmenter,
  SegmentOptions,
  SegmentOutput,
  SegmentOutputs,
  SegmentProgress,
  SegmentTimings,
  SelfCheckOption,
  Tensor,
  TileOption,
} from '@inverseform/runtime'
export { classColors, paint } from '@inverseform/runtime'
export { type CalibrateOptions, calibrate } from './calibrate.js'
export { createInverseNet, type InverseNet, type TileTensor } from './create-inverse-net.js'
export { createSegmenter, type NodeSegmenter } from './create-segmenter.js'
export { type Device, devices } from './devices/devices.js'
export type { Gpu } from './devices/gpus.js'
export { diagnose } from './diagnose.js'
export { type ImageInput, type ReadImageOptions, readImage } from './images.js'
export { type CachedModel, clearCachedModels, listCachedModels } from './model-cache/index.js'
export type { CheckpointSource, InverseNetOptions, NetworkOptions, SegmenterOptions } from './options.js'
export { writeOverlay } from './overlay.js'
export type { DeviceDiagnosis, Diagnosis } from './worker/tasks/diagnosis.js'
