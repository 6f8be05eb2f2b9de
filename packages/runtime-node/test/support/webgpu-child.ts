/**
 * Runs in a process of its own, whose environment names a software Vulkan driver: segments the golden images of a model on
 * WebGPU and prints how far the results are off the published ones, as shares of the largest value.
 */
import type { SegmentationModelName } from '@inverseform/backbones'
import { segmentTensor } from '@inverseform/runtime'
import { goldenInputs, goldenOutputs } from '../../../backbones/test/support/golden.js'
import { imageTensor } from '../../../backbones/test/support/models.js'
import { relativeError } from '../../../backbones/test/support/tensors.js'
import { thisMachine } from '../../src/machine.js'
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
    logits: relativeError(result.logits as Float32Array, golden.pred.data),
    edges: relativeError(result.edges as Float32Array, edges),
  }
}
await network.session.dispose()
const identity = thisMachine.driverIdentity()
console.log(JSON.stringify({ drivers: thisMachine.vulkanDrivers(), identity, errors }))
