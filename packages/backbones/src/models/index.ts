export { type BuildModelOptions, buildModel, modelInfo, requiredParameters } from './build.js'
export { identifyModel, type ModelName } from './identify.js'
export { buildInverseNet, INVERSENET_TILE } from './inversenet.js'
export {
  type InverseNetTensors,
  type LoadedModel,
  type LoadModelOptions,
  loadInverseNet,
  loadModel,
  readInverseNet,
} from './load.js'
export type { LoadReport } from './load-report.js'
export type { ParameterSource } from './scope.js'
export { inverseNetZoo, type SegmentationModelName, type ZooModel, zoo } from './zoo.js'
