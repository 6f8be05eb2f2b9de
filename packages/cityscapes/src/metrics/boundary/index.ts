export {
  BoundaryF,
  type BoundaryFClassScores,
  type BoundaryFOptions,
  type BoundaryFScores,
  type BoundaryFState,
  type BoundaryFToleranceScores,
  type BoundaryFToleranceState,
  davisTolerance,
  gatedScnnTolerances,
} from './boundary-f.js'
export {
  BoundaryIou,
  type BoundaryIouClassScores,
  type BoundaryIouOptions,
  type BoundaryIouRatioScores,
  type BoundaryIouRatioState,
  type BoundaryIouScores,
  type BoundaryIouState,
} from './boundary-iou.js'
export {
  type SurfaceClassScores,
  type SurfaceDistanceScores,
  SurfaceDistances,
  type SurfaceDistancesOptions,
  type SurfaceDistancesState,
  type SurfaceScores,
} from './surface-distances.js'
export {
  type TrimapBandScores,
  TrimapIou,
  type TrimapIouOptions,
  type TrimapIouScores,
  type TrimapIouState,
} from './trimap-iou.js'
