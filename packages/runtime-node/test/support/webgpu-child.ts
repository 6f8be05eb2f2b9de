/**
 * Segments the golden images of a model on WebGPU and prints the differences from the published results, as shares of the
 * largest value. Runs in its own process, whose environment names a software Vulkan driver.
 */
import type { SegmentationModelName } from '@inverseform/backbones'
import { segmentTensor } from '@inverseform/runtime'
import { goldenInputs, goldenOutputs, imageTensor, relativeError } from '@inverseform/testing'
import { thisMachine } from '../../src/devices/machine.js'
import { deterministicNetwork } from './network.js'

const model = process.argv[2] as SegmentationModelName
const network = await deterministicNetwork(model, 'webgpu')
const errors: Record<string, { logits: number; edges: number }> = {}
for (const { size, image, height, width } of goldenInputs) {
  const golden = await goldenOutputs(model, size)
  const outputs = ['logits', 'edges'] as const
  const [result] = await segmentTensor(network, imageTensor(image, height, width), { outputs })
  const edges = golden.edge_pred.data.map((x) => 1 / (1 + Math.exp(-x)))
  errors[size] = {
    logits: relativeError(result.logits, golden.pred.data),
    edges: relativeError(result.edges, edges),
  }
}
await network.session.dispose()
const identity = thisMachine().driverIdentity()
console.log(JSON.stringify({ drivers: thisMachine().vulkanDrivers(), identity, errors }))
