export { type ActiveBoundaryOptions, activeBoundaryLoss } from './active-boundary.js'
export {
  type BoundaryInputs,
  boundaryLoss,
  type SignedDistanceSize,
  signedDistanceMaps,
} from './boundary.js'
export type { ClassOptions } from './class-groups.js'
export { type DiceOptions, diceLoss } from './dice.js'
export { distanceTransform } from './distance-transform.js'
export { type FocalOptions, focalLoss } from './focal.js'
export { type HausdorffInputs, type HausdorffOptions, hausdorffLoss } from './hausdorff.js'
export { type LabelRelaxationOptions, labelRelaxationLoss } from './label-relaxation.js'
export type { IgnoreOptions, LabelledLogits } from './labelled.js'
export { type LovaszSoftmaxOptions, lovaszSoftmaxLoss } from './lovasz-softmax.js'
export {
  type RegionMutualInformationOptions,
  regionMutualInformationLoss,
} from './region-mutual-information.js'
export {
  type FocalTverskyOptions,
  focalTverskyLoss,
  type TverskyOptions,
  tverskyLoss,
} from './tversky.js'
