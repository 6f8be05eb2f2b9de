import { type OpenCheckpointOptions, openCheckpoint } from '../checkpoint/open.js'
import { isOnnx } from '../checkpoint/sniff.js'
import { type ByteSource, checkSource } from '../io/source.js'
import { loadOnnx } from '../onnx/read.js'
import { type LoadedModel, loadModel } from './load.js'
import { checkLoadOptions, type LoadModelOptions } from './load-options.js'

/**
 * Opens a segmentation model from any file that holds one: a PyTorch or safetensors checkpoint, or an ONNX model with
 * the metadata of `onnxMetadata`, in any precision. Weights are read when the graph's constants load: keep the source
 * open until then.
 *
 * An ONNX model gives the same graph as its checkpoint, with the weights as stored. `edgeHead` and `outputSize` may
 * differ from the conversion, but an edge head must be in the file. Passes that the conversion ran are not run again.
 * The report names tensors as in the file.
 *
 * @throws InverseFormError as `openCheckpoint` and `loadModel` do: `invalid-checkpoint` for a damaged file, an unknown
 * format or weights in another file, `checkpoint-mismatch` for another model or weights that do not fit it
 *
 * @example
 * const source = await fileSource('hrnet18.onnx')
 * const { model, numClasses, graph } = await openModel(source, { edgeHead: true })
 */
export async function openModel(
  source: ByteSource,
  options: LoadModelOptions & OpenCheckpointOptions = {},
): Promise<LoadedModel> {
  checkSource(source)
  checkLoadOptions(options)
  const start = await source.read(0, Math.min(9, source.size))
  return isOnnx(start) ? loadOnnx(source, options) : loadModel(await openCheckpoint(source, options), options)
}
