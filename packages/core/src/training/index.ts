export { type Random, seededRandom } from '@inverseform/shared'
export { type AdamOptions, type AdamStep, adam } from './adam.js'
export {
  type BoundaryMap,
  type BoundaryPairs,
  type BoundaryPairsOptions,
  boundaryPairs,
} from './boundary-pairs.js'
export {
  type InverseNetSizes,
  initializeInverseNet,
  inverseNetSizes,
  smallInverseNetSizes,
} from './initialize.js'
export { type RegressionLossOptions, regressionLoss } from './regression-loss.js'
export { transformMaps } from './transform-maps.js'
export {
  type AffineRanges,
  type HomographyRanges,
  type Matrix3,
  type Range,
  type RotationRanges,
  type ScaleRanges,
  type ShiftRanges,
  sampleAffine,
  sampleHomography,
  sampleRotation,
  sampleScale,
  sampleShift,
  sampleShiftAndScale,
  type Transform,
  transformMatrix,
  transformParameters,
} from './transforms.js'
export { warpMaps } from './warp-maps.js'
