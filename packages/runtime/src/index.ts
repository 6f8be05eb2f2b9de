export { InverseFormError, isInverseFormError } from '@inverseform/errors'
export { callOnnxRuntime, type OnnxHints } from './devices/call-onnx-runtime.js'
export {
  type DeviceChoice,
  type DeviceSource,
  findBestDevice,
  type LoadedNetwork,
  type NetworkOnDevice,
  openOnBestDevice,
  type StartedDevice,
  type VerdictStore,
} from './devices/open-on-best-device.js'
export {
  checkDevice,
  checkDeviceOptions,
  checkThreads,
  type DeviceOptions,
  type DeviceSettings,
  type SelfCheckOption,
} from './devices/options.js'
export { disagreement, disagrees, runCheck, SELF_CHECK_TOLERANCE } from './devices/self-check.js'
export {
  type Attempt,
  type AttemptOutcome,
  type Candidate,
  failedAttempt,
  notUsable,
  type OpenedDevice,
  type Precision,
} from './devices/try-devices.js'
export { arrayEngine, tensorBatch } from './engine/array-engine.js'
export type { Backend, Session, Tensor } from './engine/backend.js'
export type { Blender, ClassRequest, Engine, ImageBatch, View, ViewMap } from './engine/engine.js'
export type { Network } from './engine/network.js'
export { checkRgbImage, imageArgument, normalizeImages, type RgbImage } from './engine/rgb-image.js'
export { withoutAvifAlpha } from './images/avif.js'
export { cmykToRgb } from './images/cmyk.js'
export type { ImageFile } from './images/image-file.js'
export { decodingError, type ImageLimits, inspectImage } from './images/inspect-image.js'
export { type ImageFormat, type ImageKind, imageFormats, imageKind, KIND_BYTES } from './images/kind.js'
export { upright } from './images/orient.js'
export { notFinite } from './maps/finite.js'
export { enlargedLabels, type Labels, type Readout } from './maps/labels.js'
export { resizeTensor } from './maps/resize-tensor.js'
export { featureMap } from './maps/rows.js'
export { OUTLINE_WEIGHTS } from './paint/outlines.js'
export {
  DIMMED,
  type PaintableSegmentation,
  paint,
  paintPixels,
  type RgbaImage,
} from './paint/paint.js'
export { type Color, classColors } from './paint/palettes.js'
export {
  type EdgeStyle,
  type OutlineStyle,
  type PaintSettings,
  type PaintStyle,
  paintSettings,
} from './paint/style.js'
export {
  checkLoadingOptions,
  checkModelOptions,
  checkSignal,
  type LoadingOptions,
  type ModelOptions,
  type ModelSettings,
  publishedModels,
} from './segment/model-options.js'
export { checkEdgeHead, checkSegmentOptions } from './segment/options.js'
export { MAX_BATCH } from './segment/plan.js'
export { mapsAtScale1, type NetworkRun, runViews, type ViewRun } from './segment/run-views.js'
export { HMS_SCALES } from './segment/scales.js'
export { indicesBySize, segmentBatch, segmentImages } from './segment/segment-images.js'
export { segmentLoaded, segmentTensor } from './segment/segment-loaded.js'
export type {
  DefaultOutputs,
  RunOptions,
  Segmentation,
  SegmentationInfo,
  SegmentationMaps,
  SegmentOptions,
  SegmentOutput,
  SegmentOutputs,
  SegmentProgress,
  SegmentTimings,
} from './segment/segmentation.js'
export {
  type CompileProgress,
  type LoadProgress,
  type LoadTimings,
  type Segmenter,
  segmentOne,
} from './segment/segmenter.js'
export type { Tile, TileOption, TileSize } from './tiles/plan-tiles.js'
export {
  compact,
  disposedError,
  PendingRequests,
  type RequestOptions,
  type RequestProgress,
  type RequestReply,
} from './worker/requests.js'
