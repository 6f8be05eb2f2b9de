/** Functions that the tests call in the browser. */

import { bytesSource, loadModel, openCheckpoint, zoo } from '@inverseform/backbones'
import { forWebGpu } from '@inverseform/backbones/graph'
import {
  arrayEngine,
  type ImageBatch,
  type Network,
  type Segmentation,
  segmentImages,
  segmentLoaded,
  type Tensor,
  tensorBatch,
} from '@inverseform/runtime'
import { type BrowserGpu, startedGpu } from '../../src/devices/browser-devices.js'
import type { Device } from '../../src/devices/devices.js'
import { configureOnnxRuntime, wasmBackend } from '../../src/devices/onnx-backend.js'
import { cachedVerdicts } from '../../src/devices/verdicts.js'
import { findGpu } from '../../src/gpu/adapter.js'
import type { GpuImage } from '../../src/gpu/pixels.js'
import type { GpuTensor } from '../../src/gpu/tensor.js'
import * as api from '../../src/index.js'
import { gpuWork } from './count-gpu-work.js'

/** A type with plain arrays, which can be sent to the test. */
export type Plain<T> = { [K in keyof T]: T[K] extends ArrayLike<number> | undefined ? number[] : T[K] }

const plain = (segmentation: Segmentation): Plain<Segmentation> =>
  Object.fromEntries(
    Object.entries(segmentation).map(([name, value]) => [
      name,
      ArrayBuffer.isView(value) ? Array.from(value as Uint8Array) : value,
    ]),
  ) as Plain<Segmentation>

let started: Promise<BrowserGpu> | undefined
/** Starts the page's GPU, once. */
export function pageGpu(): Promise<BrowserGpu> {
  started ??= findGpu().then(async ({ start }) => startedGpu(await start()))
  return started
}

interface PlainTensor {
  readonly data: readonly number[]
  readonly shape: readonly number[]
}

async function loadNetwork(checkpointUrl: string) {
  configureOnnxRuntime({ threads: 0 })
  const bytes = new Uint8Array(await (await fetch(checkpointUrl)).arrayBuffer())
  const checkpoint = await openCheckpoint(bytesSource(bytes))
  const { graph, model, numClasses } = loadModel(checkpoint, { edgeHead: true })
  return { graph, info: zoo[model], numClasses, memoryBudget: 2 ** 30 }
}

async function networkOnGpu(checkpointUrl: string): Promise<Network<GpuTensor, GpuImage>> {
  const facts = await loadNetwork(checkpointUrl)
  const { backend, engine } = await pageGpu()
  const graph = forWebGpu(facts.graph)
  const session = await backend('float32').createSession(graph)
  return { ...facts, session, engine, graph }
}

/** Segments normalized inputs with the package's backend in this page. */
async function segmentTensors(device: Device, checkpointUrl: string, tensors: readonly PlainTensor[]) {
  const results: Plain<Segmentation>[] = []
  async function segment<M>(network: Network<M, never>, batchOf: (tensor: Tensor) => ImageBatch<M>) {
    for (const { data, shape } of tensors) {
      const batch = batchOf({ data: Float32Array.from(data), shape })
      const [result] = await segmentLoaded(network, batch, { outputs: ['logits', 'edgeOutput'] })
      results.push(plain(result))
    }
    await network.session.dispose()
  }
  if (device === 'wasm') {
    const facts = await loadNetwork(checkpointUrl)
    const session = await wasmBackend().createSession(facts.graph)
    await segment({ ...facts, session, engine: arrayEngine }, tensorBatch)
  } else {
    const { engine } = await pageGpu()
    await segment(await networkOnGpu(checkpointUrl), (tensor) => {
      const batch = tensorBatch(tensor)
      return { ...batch, view: (view) => engine.upload(batch.view(view)) }
    })
  }
  return { results, dispatches: gpuWork.dispatches }
}

/**
 * Labels an image with a network on the GPU. Returns the number of bytes read back and of buffers left, and the share of
 * labels that differ from those that JavaScript computes from the same network's logits.
 */
async function labelOnGpu(checkpointUrl: string, imageUrl: string, width: number, height: number) {
  const network = await networkOnGpu(checkpointUrl)
  const blob = await (await fetch(imageUrl)).blob()
  const image = () => createImageBitmap(blob, { resizeWidth: width, resizeHeight: height })
  const expected = await segmentImages(network, [await image()], { outputs: ['labels', 'logits'] })
  const buffers = gpuWork.buffers.size
  const bytes = gpuWork.bytesRead
  const [{ labels }] = await segmentImages(network, [await image()])
  const bytesRead = gpuWork.bytesRead - bytes
  const differing = labels.filter((label, i) => label !== expected[0].labels[i]).length
  await network.session.dispose()
  return {
    bytesRead,
    leaked: gpuWork.buffers.size - buffers,
    differing: differing / labels.length,
    distinct: new Set(labels).size,
  }
}

/** Returns a canvas's pixels, RGBA. */
function pixelsOf(canvas: HTMLCanvasElement | OffscreenCanvas): number[] {
  const { width, height } = canvas
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!
  context.drawImage(canvas, 0, 0)
  return Array.from(context.getImageData(0, 0, width, height).data)
}

const exposed = { ...api, cachedVerdicts, labelOnGpu, pixelsOf, plain, segmentTensors }

declare global {
  /** The package's API and the functions above. */
  var harness: typeof exposed
}
globalThis.harness = exposed
