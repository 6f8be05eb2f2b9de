import { openCheckpoint } from '../checkpoint/open.js'
import { isOnnx } from '../checkpoint/sniff.js'
import type { ByteSource } from '../io/source.js'
import { loadOnnx } from '../onnx/read.js'
import { type LoadedModel, type LoadModelOptions, loadModel } from './load.js'

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
export async function openModel(source: ByteSource, options: LoadModelOptions = {}): Promise<LoadedModel> {
  const start = await source.read(0, Math.min(3, source.size))
  return isOnnx(start) ? loadOnnx(source, options) : loadModel(await openCheckpoint(source), options)
}
