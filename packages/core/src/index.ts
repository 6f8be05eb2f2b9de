export { InverseFormError, type InverseFormErrorCode, isInverseFormError } from '@inverseform/errors'
export type { IgnoreOptions, IntegerArray, SegmentationLossInputs } from './losses/inputs.js'
export { type ClassWeightsOptions, classWeights } from './losses/inverse-form/class-weights.js'
export { type CrossEntropyLossOptions, crossEntropyLoss } from './losses/inverse-form/cross-entropy.js'
export {
  type EdgeAttentionLossInputs,
  type EdgeAttentionLossOptions,
  edgeAttentionLoss,
} from './losses/inverse-form/edge-attention.js'
export { type EdgeLossInputs, edgeBceLoss } from './losses/inverse-form/edge-bce.js'
export { euclideanDistance } from './losses/inverse-form/euclidean-distance.js'
export { type GeodesicDistanceOptions, geodesicDistance } from './losses/inverse-form/geodesic-distance.js'
export {
  type InverseFormDistanceOptions,
  type InverseFormLossInputs,
  type InverseFormLossOptions,
  type InverseFormTileOptions,
  type InverseFormTiles,
  inverseFormDistance,
  inverseFormLoss,
  inverseFormTiles,
  type Regressor,
} from './losses/inverse-form/inverse-form.js'
export { type InverseNetWeights, inverseNet, inverseNetForward } from './losses/inverse-form/inverse-net.js'
export {
  type JointLossHead,
  type JointLossInputs,
  type JointLossInputsWithoutRegressor,
  type JointLossOptions,
  type JointLossOptionsWithoutInverseForm,
  type JointLossTerms,
  type JointLossWeights,
  jointLoss,
  jointLossTerms,
} from './losses/inverse-form/joint-loss.js'
export { type ActiveBoundaryLossOptions, activeBoundaryLoss } from './losses/related/active-boundary.js'
export {
  type BoundaryLossInputs,
  boundaryLoss,
  type SignedDistanceSize,
  signedDistanceMaps,
} from './losses/related/boundary.js'
export { type DiceLossOptions, diceLoss } from './losses/related/dice.js'
export { distanceTransform } from './losses/related/distance-transform.js'
export { type FocalLossOptions, focalLoss } from './losses/related/focal.js'
export {
  type HausdorffLossInputs,
  type HausdorffLossOptions,
  hausdorffLoss,
} from './losses/related/hausdorff.js'
export { type LabelRelaxationLossOptions, labelRelaxationLoss } from './losses/related/label-relaxation.js'
export { type LovaszSoftmaxLossOptions, lovaszSoftmaxLoss } from './losses/related/lovasz-softmax.js'
export {
  type RegionMutualInformationLossOptions,
  regionMutualInformationLoss,
} from './losses/related/region-mutual-information.js'
export {
  type FocalTverskyLossOptions,
  focalTverskyLoss,
  type TverskyLossOptions,
  tverskyLoss,
} from './losses/related/tversky.js'
export type { FusedOps, MatmulOptions, PlainTensor, Shape, SortOps, TensorOps } from './ops.js'
export { resizeBilinear } from './resize.js'
