export {
  checkpointOf,
  deterministicSource,
  imageTensor,
  inferenceCheckpoint,
  publishedCheckpoint,
} from './checkpoints.js'
export { deterministicImage, deterministicParameter } from './deterministic.js'
export {
  goldenInputs,
  goldenOutputs,
  goldenStateDict,
  inverseNetGoldens,
  readTensors,
  type StateDictEntry,
} from './goldens.js'
export { type ImageFixture, imageFixtures, largestDifference } from './images.js'
export { chunksSource, onnxBytes, onnxChunks } from './onnx.js'
export {
  bytes,
  Code,
  call,
  dict,
  encode,
  floats,
  global,
  legacyFile,
  type Pickled,
  pickle,
  type StorageSpec,
  storage,
  type TensorSpec,
  tensor,
  tuple,
  uint,
} from './pickle-writer.js'
export { type PngHeader, pngChunk, pngFile } from './png-writer.js'
export {
  expectClose,
  type FloatTensor,
  randomValues,
  relativeError,
} from './tensors.js'
export { type ListedEntry, torchZip, type ZipFileOptions, zipFile } from './zip-writer.js'
