export { type BuildModelOptions, buildModel, modelInfo, requiredParameters } from './build.js'
export { buildInverseNet, INVERSENET_TILE } from './inversenet.js'
export {
  identifyModel,
  type LoadedModel,
  type LoadModelOptions,
  type LoadReport,
  loadInverseNet,
  loadModel,
} from './load.js'
export type { ParameterSource } from './scope.js'
export { inverseNetZoo, type SegmentationModelName, type ZooModel, zoo } from './zoo.js'
