import { loadModel, type SegmentationModelName, zoo } from '@inverseform/backbones'
import { arrayEngine, type Network } from '@inverseform/runtime'
import { publishedCheckpoint } from '../../../backbones/test/support/models.js'
import type { Device } from '../../src/devices.js'
import { onnxBackend } from '../../src/onnx-backend.js'

/** A model with deterministic weights and its edge head, in this thread. */
export async function deterministicNetwork(
  model: SegmentationModelName,
  device: Device = 'cpu',
): Promise<Network> {
  const { graph, classes } = loadModel(publishedCheckpoint(model), { model, edge: true })
  const backend = await onnxBackend(device, 2)
  const session = await backend.createSession(graph)
  return {
    engine: arrayEngine,
    session,
    graph,
    info: zoo[model],
    classes,
    memoryBudget: Number.POSITIVE_INFINITY,
  }
}
