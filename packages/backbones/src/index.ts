export { InverseFormError, type InverseFormErrorCode, isInverseFormError } from '@inverseform/errors'
export { toFloat32 } from './checkpoint/float32.js'
export type { CheckpointLimits } from './checkpoint/limits.js'
export { PythonRecord } from './checkpoint/metadata-value.js'
export { type OpenCheckpointOptions, openCheckpoint } from './checkpoint/open.js'
export { writeTorchCheckpoint } from './checkpoint/torch/write.js'
export type { TorchMetadataValue } from './checkpoint/torch/write-pickle.js'
export type {
  Checkpoint,
  CheckpointContents,
  CheckpointFormat,
  CheckpointTensor,
  DType,
  DTypeArrays,
  MetadataValue,
  OtherDType,
  TensorData,
  VerifyOptions,
  VerifySummary,
} from './checkpoint/types.js'
export type { WritableTensor } from './checkpoint/writable.js'
export { writeSafetensors } from './checkpoint/write-safetensors.js'
export { blobSource } from './io/blob.js'
export { type ByteSink, type MemorySink, memorySink } from './io/sink.js'
export { type ByteSource, bytesSource } from './io/source.js'
export { type UrlSourceOptions, urlSource } from './io/url.js'
export { type BuildModelOptions, buildModel, modelInfo, requiredParameters } from './models/build.js'
export { identifyModel, type ModelName } from './models/identify.js'
export { INVERSENET_TILE } from './models/inversenet.js'
export {
  type InverseNetTensors,
  type LoadedModel,
  loadInverseNet,
  loadModel,
  readInverseNet,
} from './models/load.js'
export type { LoadModelOptions } from './models/load-options.js'
export type { LoadReport } from './models/load-report.js'
export { openModel } from './models/open-model.js'
export type { ParameterSource } from './models/scope.js'
export { inverseNetZoo, type SegmentationModelName, type ZooModel, zoo } from './models/zoo.js'
