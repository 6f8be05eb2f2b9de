import { forWebGpu, type Graph, type ZooModel } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import {
  arrayEngine,
  type Network,
  type Precision,
  type Segmentation,
  type SegmentImagesOptions,
  type Session,
  segmentBatch,
} from '@inverseform/runtime'
import type { Opened } from './devices.js'
import type { BrowserGpu } from './gpu/browser-devices.js'
import { gpuPainter } from './gpu/painter.js'
import { pictureOnGpu } from './gpu/picture.js'
import type { GpuImage } from './gpu/pixels.js'
import type { GpuTensor } from './gpu/tensor.js'
import { closeBitmap, type SentImage } from './images.js'
import { type KeptPicture, type KeptPictureOptions, pictureOnArrays } from './picture-on-arrays.js'
import type { PictureRequest, SegmentRequest } from './protocol.js'
import { openImage, readImage } from './read-image.js'

/** What a request is run with. */
export interface RunContext {
  readonly signal: AbortSignal
  readonly onProgress: (progress: { done: number; total: number }) => void
}

/** A network on a device, and what it can be asked. */
export interface NetworkRunner {
  segment(request: SegmentRequest, context: RunContext): Promise<Segmentation[]>
  createPicture(request: PictureRequest, context: RunContext): Promise<KeptPicture>
}

export interface NetworkFacts {
  readonly graph: Graph
  readonly info: ZooModel
  readonly classes: number
  readonly edge: boolean
  readonly precision: Precision
  readonly memoryBudget: number
}

export function networkRunner(opened: Opened<GpuTensor, BrowserGpu>, facts: NetworkFacts): NetworkRunner {
  return opened.device === 'wasm' ? runnerOnArrays(opened.session, facts) : runnerOnGpu(opened, facts)
}

function runnerOnArrays(
  session: Session,
  { graph, info, classes, memoryBudget, edge }: NetworkFacts,
): NetworkRunner {
  const network: Network = {
    session: interruptible(session),
    engine: arrayEngine,
    graph,
    info,
    classes,
    memoryBudget,
  }
  return {
    segment: (request, context) => segmentWith(network, readImage, request, context),
    async createPicture({ image, options }, context) {
      const pictureOptions = { ...pictureOptionsOf(options, edge), ...context }
      return pictureOnArrays(network, await readImage(image, context.signal), pictureOptions)
    },
  }
}

function runnerOnGpu(
  { session, gpu }: Extract<Opened<GpuTensor, BrowserGpu>, { device: 'webgpu' }>,
  { graph, info, classes, memoryBudget, precision, edge }: NetworkFacts,
): NetworkRunner {
  const network: Network<GpuTensor, GpuImage> = {
    session: interruptible(session),
    engine: gpu.engine,
    graph: forWebGpu(graph),
    info,
    classes,
    memoryBudget,
    maxBufferBytes: gpu.gpu.maxBufferBytes,
    bytesPerElement: precision === 'float16' ? 2 : 4,
  }
  const painter = gpuPainter(gpu.gpu)
  const largestCanvas = gpu.gpu.device.limits.maxTextureDimension2D
  return {
    segment: (request, context) => segmentWith(network, openImage, request, context),
    async createPicture({ image, options }, context) {
      const pictureOptions = { ...pictureOptionsOf(options, edge), ...context }
      const opened = await openImage(image, context.signal)
      return Math.max(opened.width, opened.height) > largestCanvas
        ? pictureOnArrays(network, await readImage(opened, context.signal), pictureOptions)
        : pictureOnGpu(gpu, painter, network, opened, pictureOptions)
    },
  }
}

async function segmentWith<M, I extends { width: number; height: number }>(
  network: Network<M, I>,
  open: (image: SentImage, signal: AbortSignal) => Promise<I>,
  { images, options }: SegmentRequest,
  context: RunContext,
): Promise<Segmentation[]> {
  const opening = images.map((image) => open(image, context.signal))
  try {
    const opened = await Promise.all(opening)
    return await segmentBatch(network, opened, { ...options, ...context } satisfies SegmentImagesOptions)
  } finally {
    for (const image of opening) image.then(closeBitmap, () => {})
  }
}

function pictureOptionsOf(
  { edges, ...options }: PictureRequest['options'],
  hasEdge: boolean,
): KeptPictureOptions {
  if (edges && !hasEdge) {
    throw new InverseFormError('invalid-argument', 'Edges were asked of a model without its edge head.', {
      hint: 'Create the segmenter with `edge: true`; the checkpoint must have the edge head.',
    })
  }
  return { ...options, edges: edges ?? hasEdge }
}

/** After each run, lets messages in: a request to abort would else wait until all runs are done. */
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
