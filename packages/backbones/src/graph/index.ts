export {
  add,
  batchNorm,
  type Conv2dOptions,
  concat,
  constant,
  conv2d,
  flattenSpatial,
  imageInput,
  input,
  linear,
  matmul,
  multiply,
  type NormParameters,
  relu,
  resizeLike,
  sigmoid,
  softmax,
  transpose,
  unflattenSpatialLike,
  unsqueeze,
} from './build.js'
export {
  type Bindings,
  type Dim,
  evaluateShape,
  formatShape,
  type Shape,
  type SymbolicDim,
  symbol,
} from './dim.js'
export { largestBufferBytes, type MemoryOptions, peakActivationBytes } from './memory.js'
export { forWebGpu, type PassName, passes, rewrite } from './passes/index.js'
export {
  type Graph,
  graphInputs,
  type OperatorAttributes,
  type OperatorName,
  topologicalOrder,
  type Value,
  type ValueOf,
} from './value.js'
