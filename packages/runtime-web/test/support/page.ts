/** What the tests call in the browser. */
import { bytesSource, loadModel, openCheckpoint, zoo } from '@inverseform/backbones'
import { type Segmentation, segmentTensor, type Tensor } from '@inverseform/runtime'
import type { Device } from '../../src/devices.js'
import * as api from '../../src/index.js'
import { configureOnnxRuntime, onnxBackend } from '../../src/onnx-backend.js'

/** Plain arrays, which can be sent to the test. */
export type Plain<T> = { [K in keyof T]: T[K] extends ArrayLike<number> | undefined ? number[] : T[K] }

const plain = (segmentation: Segmentation): Plain<Segmentation> =>
  Object.fromEntries(
    Object.entries(segmentation).map(([name, value]) => [
      name,
      ArrayBuffer.isView(value) ? Array.from(value as Uint8Array) : value,
    ]),
  ) as Plain<Segmentation>

/** Work given to the GPU by this page. */
let dispatches = 0
const encoder = (
  globalThis as { GPUComputePassEncoder?: { prototype: { dispatchWorkgroups(...n: number[]): void } } }
).GPUComputePassEncoder
if (encoder) {
  const { dispatchWorkgroups } = encoder.prototype
  encoder.prototype.dispatchWorkgroups = function (...counts) {
    dispatches++
    dispatchWorkgroups.apply(this, counts)
  }
}

/** Segments inputs that are normalised already, by the package's backend in this page. */
async function segmentTensors(
  device: Device,
  checkpointUrl: string,
  tensors: readonly { readonly data: readonly number[]; readonly shape: readonly number[] }[],
) {
  configureOnnxRuntime({ threads: 0 })
  const bytes = new Uint8Array(await (await fetch(checkpointUrl)).arrayBuffer())
  const { graph, model, classes } = loadModel(await openCheckpoint(bytesSource(bytes)), { edge: true })
  const session = await onnxBackend(device).createSession(graph)
  const network = { session, graph, info: zoo[model], classes, memoryBudget: 2 ** 30 }
  const results: Plain<Segmentation>[] = []
  for (const { data, shape } of tensors) {
    const input: Tensor = { data: Float32Array.from(data), shape }
    const [result] = await segmentTensor(network, input, { outputs: ['labels', 'logits', 'edgeOutput'] })
    results.push(plain(result))
  }
  return { results, dispatches }
}

const exposed = { ...api, plain, segmentTensors }

declare global {
  /** The package, as the page has it. */
  var harness: typeof exposed
}
globalThis.harness = exposed
