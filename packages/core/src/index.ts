export { InverseFormError, type InverseFormErrorCode, isInverseFormError } from '@inverseform/errors'
export type { FusedOps } from './fused-ops.js'
export { type ClassWeightsOptions, classWeights } from './losses/class-weights.js'
export { type CrossEntropyInputs, type CrossEntropyOptions, crossEntropy } from './losses/cross-entropy.js'
export {
  type EdgeAttentionInputs,
  type EdgeAttentionOptions,
  edgeAttention,
} from './losses/edge-attention.js'
export { type EdgeInputs, edgeBce } from './losses/edge-bce.js'
export { euclideanDistance } from './losses/euclidean-distance.js'
export { type GeodesicDistanceOptions, geodesicDistance } from './losses/geodesic-distance.js'
export type { IntegerArray } from './losses/inputs.js'
export {
  type InverseFormDistanceOptions,
  type InverseFormInputs,
  type InverseFormOptions,
  type InverseFormTileOptions,
  type InverseFormTiles,
  inverseForm,
  inverseFormDistance,
  inverseFormTiles,
  type Regressor,
} from './losses/inverse-form.js'
export { type InverseNetWeights, inverseNet, inverseNetForward } from './losses/inverse-net.js'
export {
  type JointLossHead,
  type JointLossInputs,
  type JointLossOptions,
  type JointLossTerms,
  type JointLossWeights,
  jointLoss,
  jointLossTerms,
} from './losses/joint-loss.js'
export * from './losses/neighbours/index.js'
export type { MatmulOptions, PlainTensor, Shape, TensorOps } from './ops.js'
export { resizeBilinear } from './resize.js'
export type { SortOps } from './sort-ops.js'
