export { toFloat32 } from './float32.js'
export { type CheckpointLimits, defaultLimits as defaultCheckpointLimits } from './limits.js'
export { type OpenCheckpointOptions, openCheckpoint } from './open.js'
export type {
  Checkpoint,
  CheckpointFormat,
  CheckpointTensor,
  DType,
  DTypeArrays,
  MetadataValue,
  TensorData,
} from './types.js'
export { safetensorsByteLength, type WritableTensor, writeSafetensors } from './write-safetensors.js'
