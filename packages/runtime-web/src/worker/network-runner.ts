import type { ZooModel } from '@inverseform/backbones'
import type { Graph } from '@inverseform/backbones/graph'
import {
  arrayEngine,
  checkEdgeHead,
  type Network,
  type Precision,
  type RunOptions,
  type Segmentation,
  type Session,
  segmentImages,
} from '@inverseform/runtime'
import type { BrowserGpu } from '../devices/browser-devices.js'
import type { OpenedNetwork } from '../devices/open-session.js'
import { gpuPainter } from '../gpu/painter.js'
import { pictureOnGpu } from '../gpu/picture.js'
import type { GpuImage } from '../gpu/pixels.js'
import type { GpuTensor } from '../gpu/tensor.js'
import { defaultMaxPixels } from '../images/max-pixels.js'
import { type OpenContext, openImage, readImage } from '../images/read-image.js'
import { closeBitmap, type SentImage } from '../images/send-image.js'
import { type KeptPicture, type KeptPictureOptions, pictureOnArrays } from '../picture/on-arrays.js'
import type { PictureRequest, SegmentRequest } from './protocol.js'

export interface RunContext {
  readonly signal: AbortSignal
  readonly onProgress: (progress: { done: number; total: number }) => void
}

/** Runs requests with a network on a device. */
export interface NetworkRunner {
  segment(request: SegmentRequest, context: RunContext): Promise<Segmentation[]>
  createPicture(request: PictureRequest, context: RunContext): Promise<KeptPicture>
}

export interface NetworkFacts {
  /** In the form that the device runs, without weights. */
  readonly graph: Graph
  readonly info: ZooModel
  readonly numClasses: number
  /** Whether the edge head is loaded. */
  readonly edgeHead: boolean
  readonly precision: Precision
  readonly memoryBudget: number
}

type Opened = OpenedNetwork<GpuTensor, BrowserGpu>
type OnWasm = Omit<Extract<Opened, { device: 'wasm' }>, 'onArrays'>
type OnWebGpu = Omit<Extract<Opened, { device: 'webgpu' }>, 'onArrays'>

export function networkRunner(opened: OnWasm | OnWebGpu, facts: NetworkFacts): NetworkRunner {
  return opened.device === 'wasm' ? runnerOnArrays(opened.session, facts) : runnerOnGpu(opened, facts)
}

function runnerOnArrays(
  session: Session,
  { graph, info, numClasses, memoryBudget, edgeHead }: NetworkFacts,
): NetworkRunner {
  const network: Network = {
    session: interruptible(session),
    engine: arrayEngine,
    graph,
    info,
    numClasses,
    memoryBudget,
  }
  return {
    segment: (request, context) => segmentWith(network, readImage, request, context),
    async createPicture({ image, options }, context) {
      const pictureOptions = { ...pictureOptionsOf(options, edgeHead), ...context }
      return pictureOnArrays(network, await readImage(image, openContext(options, context)), pictureOptions)
    },
  }
}

function runnerOnGpu(
  { session, gpu }: OnWebGpu,
  { graph, info, numClasses, memoryBudget, precision, edgeHead }: NetworkFacts,
): NetworkRunner {
  const network: Network<GpuTensor, GpuImage> = {
    session: interruptible(session),
    engine: gpu.engine,
    graph,
    info,
    numClasses,
    memoryBudget,
    maxBufferBytes: gpu.gpu.maxBufferBytes,
    bytesPerElement: precision === 'float16' ? 2 : 4,
  }
  const painter = gpuPainter(gpu.gpu)
  const largestCanvas = gpu.gpu.device.limits.maxTextureDimension2D
  return {
    segment: (request, context) => segmentWith(network, openImage, request, context),
    async createPicture({ image, options }, context) {
      const pictureOptions = { ...pictureOptionsOf(options, edgeHead), ...context }
      const opened = await openImage(image, openContext(options, context))
      return Math.max(opened.width, opened.height) > largestCanvas
        ? pictureOnArrays(network, await readImage(opened, openContext(options, context)), pictureOptions)
        : pictureOnGpu(gpu, painter, network, opened, pictureOptions)
    },
  }
}

async function segmentWith<M, I extends { width: number; height: number }>(
  network: Network<M, I>,
  open: (image: SentImage, context: OpenContext) => Promise<I>,
  { images, options }: SegmentRequest,
  context: RunContext,
): Promise<Segmentation[]> {
  const opening = images.map((image) => open(image, openContext(options, context)))
  const runOptions: RunOptions = { ...options, ...context }
  try {
    return await segmentImages(network, await Promise.all(opening), runOptions)
  } finally {
    for (const image of opening) image.then(closeBitmap, () => {})
  }
}

function openContext(
  { maxPixels = defaultMaxPixels() }: { readonly maxPixels?: number },
  { signal }: RunContext,
): OpenContext {
  return { signal, maxPixels }
}

function pictureOptionsOf(
  { edges, maxPixels: _, ...options }: PictureRequest['options'],
  hasEdgeHead: boolean,
): KeptPictureOptions {
  if (edges) checkEdgeHead(hasEdgeHead)
  return { ...options, edges: edges ?? hasEdgeHead }
}

/** Lets the worker receive messages after each run; otherwise an abort would arrive only after all runs. */
function interruptible<M>(session: Session<M>): Session<M> {
  return {
    async run(feeds) {
      const outputs = await session.run(feeds)
      await new Promise((resolve) => setTimeout(resolve))
      return outputs
    },
    dispose: () => session.dispose(),
  }
}
