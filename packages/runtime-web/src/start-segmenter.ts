import {
  type ByteSource,
  blobSource,
  bytesSource,
  loadModel,
  openCheckpoint,
  zoo,
} from '@inverseform/backbones'
import { type Network, type Segmentation, type Session, segmentBatch } from '@inverseform/runtime'
import { climb } from './devices.js'
import { download } from './download.js'
import { configureOnnxRuntime, onnxBackend } from './onnx-backend.js'
import type { LoadProgress, SegmenterSettings } from './options.js'
import type { Loaded, SegmentRequest } from './protocol.js'
import { readImage } from './read-image.js'

export interface RunContext {
  readonly signal: AbortSignal
  readonly onProgress: (progress: { done: number; total: number }) => void
}

export interface RunningSegmenter {
  readonly loaded: Loaded
  run(request: SegmentRequest, context: RunContext): Promise<Segmentation[]>
}

/** The worker's side of a segmenter. */
export async function startSegmenter(
  settings: SegmenterSettings,
  onProgress: (progress: LoadProgress) => void,
): Promise<RunningSegmenter> {
  const started = performance.now()
  configureOnnxRuntime(settings)
  const checkpoint = await openCheckpoint(await openSource(settings, onProgress))
  const { graph, model, classes, edge, report } = loadModel(checkpoint, settings)
  const opened = performance.now()
  const { session, device, ladder } = await climb(settings.devices, {
    graph,
    backendOf: onnxBackend,
    onTry: (device) => onProgress({ stage: 'compile', device }),
  })
  const network: Network = {
    session: interruptible(session),
    graph,
    info: zoo[model],
    classes,
    memoryBudget: settings.memoryBudget ?? defaultMemoryBudget(),
  }
  return {
    loaded: {
      model,
      classes,
      edge,
      device,
      ladder,
      report,
      loadTimings: { open: opened - started, session: performance.now() - opened },
    },
    async run({ images, options }, context) {
      const pixels = await Promise.all(images.map((image) => readImage(image, context.signal)))
      return segmentBatch(network, pixels, { ...options, ...context })
    },
  }
}

async function openSource(
  { source, headers }: SegmenterSettings,
  onProgress: (progress: LoadProgress) => void,
): Promise<ByteSource> {
  if (source instanceof Blob) return blobSource(source)
  if (source instanceof Uint8Array) return bytesSource(source, 'the checkpoint')
  const bytes = await download(source.url, {
    headers,
    onProgress: (loaded, total) => onProgress({ stage: 'download', loaded, total }),
  })
  return bytesSource(bytes, source.url)
}

/** After each run, lets messages in: a request to abort would else wait until all runs are done. */
function interruptible(session: Session): Session {
  return {
    async run(feeds) {
      const outputs = await session.run(feeds)
      await new Promise((resolve) => setTimeout(resolve))
      return outputs
    },
    dispose: () => session.dispose(),
  }
}

/** A quarter of the device's memory, of which browsers tell no more than 8 GiB and some nothing. */
function defaultMemoryBudget(): number {
  const { deviceMemory = 4 } = navigator as { deviceMemory?: number }
  return (deviceMemory * 2 ** 30) / 4
}
