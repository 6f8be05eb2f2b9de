/**
 * Segments the golden images of models on WebGPU and prints the differences from the published results, as shares of the
 * largest value. Runs in its own process, whose environment names a software Vulkan driver.
 */
import type { SegmentationModelName } from '@inverseform/backbones'
import { type Network, segmentTensor } from '@inverseform/runtime'
import { goldenInputs, goldenOutputs, imageTensor, relativeError } from '@inverseform/testing'
import { thisMachine } from '../../src/devices/machine.js'
import { deterministicNetwork } from './network.js'

type Errors = Record<string, { logits: number; edges: number }>

async function errorsOf(model: SegmentationModelName, network: Network): Promise<Errors> {
  const errors: Errors = {}
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
  return errors
}

const networks: Network[] = []
const errors: Record<string, Errors> = {}
for (const model of process.argv.slice(2) as SegmentationModelName[]) {
  const network = await deterministicNetwork(model, 'webgpu')
  // Networks share compiled shaders while one of them is open.
  networks.push(network)
  errors[model] = await errorsOf(model, network)
}
for (const { session } of networks) await session.dispose()
const identity = thisMachine().driverIdentity()
console.log(JSON.stringify({ drivers: thisMachine().vulkanDrivers(), identity, errors }))
