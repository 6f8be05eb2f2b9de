export type { ComputeType } from './compute.js'
export { type EncodedModel, type EncodeOnnxOptions, encodeOnnx, ONNX_OPSET, type Writable } from './encode.js'
export { type OnnxDescription, onnxMetadata } from './metadata.js'
export type { WeightPrecision } from './precision.js'
