export * from './build.js'
export {
  type Bindings,
  type Dim,
  evaluateDim,
  evaluateShape,
  formatDim,
  formatShape,
  type Shape,
  type SymbolicDim,
  sameDim,
  sameShape,
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
