import { openCheckpoint } from '../checkpoint/index.js'
import { isOnnx } from '../checkpoint/sniff.js'
import type { ByteSource } from '../io/index.js'
import { type LoadedModel, type LoadModelOptions, loadModel } from '../models/load.js'
import { loadOnnx } from './read.js'

/**
 * Opens a segmentation model, whatever it is in: a checkpoint of PyTorch or safetensors, or an ONNX model that
 * `inverseform convert` wrote (`encodeOnnx` with `onnxMetadata`), in any precision. Weights are read when the
 * graph's constants load, not before: keep the source open until then.
 *
 * An ONNX model gives the same graph as the checkpoint that it was made from, with the weights as they were stored: `edge`
 * and `outputSize` may differ from what it was converted with, except that an edge head must be there; of `passes` those run
 * that have not been. Of `report`, tensors are named as in the file.
 *
 * @throws what `openCheckpoint` and `loadModel` throw: `invalid-checkpoint` for what is none of these, is damaged or keeps
 * its weights in another file; `checkpoint-mismatch` for another model than asked for, and for weights that do not fit it.
 *
 * @example
 * await using source = await fileSource('hrnet18.onnx')
 * const { model, classes, graph } = await openModel(source, { edge: true })
 */
export async function openModel(source: ByteSource, options: LoadModelOptions = {}): Promise<LoadedModel> {
  const start = await source.read(0, Math.min(3, source.size))
  return isOnnx(start) ? loadOnnx(source, options) : loadModel(await openCheckpoint(source), options)
}
