import { loadModel, type SegmentationModelName, zoo } from '@inverseform/backbones'
import { forWebGpu } from '@inverseform/backbones/graph'
import { arrayEngine, type Network } from '@inverseform/runtime'
import { publishedCheckpoint } from '@inverseform/testing'
import type { Device } from '../../src/devices/devices.js'
import { onnxBackend } from '../../src/onnx/backend.js'

/** Returns a model with deterministic weights and its edge head, in this thread. */
export async function deterministicNetwork(
  model: SegmentationModelName,
  device: Device = 'cpu',
): Promise<Network> {
  const { graph, numClasses } = loadModel(publishedCheckpoint(model), { model, edgeHead: true })
  const backend = await onnxBackend(device, 2)
  const prepared = device === 'webgpu' ? forWebGpu(graph) : graph
  const session = await backend.createSession(prepared)
  return {
    engine: arrayEngine,
    session,
    graph: prepared,
    info: zoo[model],
    numClasses,
    memoryBudget: Number.POSITIVE_INFINITY,
  }
}
