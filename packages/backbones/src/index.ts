export { InverseFormError, isInverseFormError } from '@inverseform/errors'
export * from './checkpoint/index.js'
export * from './graph/index.js'
export * from './io/index.js'
export * from './models/index.js'
export type { ComputeType } from './onnx/compute.js'
export {
  type EncodedModel,
  type EncodeOnnxOptions,
  encodeOnnx,
  ONNX_OPSET,
  type Writable,
} from './onnx/encode.js'
export { type OnnxDescription, onnxMetadata } from './onnx/metadata.js'
export { openModel } from './onnx/open-model.js'
export type { WeightPrecision } from './onnx/precision.js'
