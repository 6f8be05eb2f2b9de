import { availableParallelism } from 'node:os'
import { openModel, type SegmentationModelName, zoo } from '@inverseform/backbones'
import { type Graph, peakActivationBytes } from '@inverseform/backbones/graph'
import {
  type Attempt,
  arrayEngine,
  HMS_SCALES,
  type Network,
  type Precision,
  type RgbImage,
  type Segmentation,
  type Segmenter,
  type SegmentOptions,
  segmentImages,
} from '@inverseform/runtime'
import { withCheckpoint } from '../../checkpoint.js'
import { type Device, maxBufferBytes, maxMemoryBudget } from '../../devices/devices.js'
import { nativeDevices, openSession } from '../../devices/open-session.js'
import { userModelCache } from '../../model-cache/index.js'
import type { SegmenterSettings } from '../../options.js'
import type { StartTask } from './task.js'

export interface SegmenterTask {
  readonly settings: SegmenterSettings
  readonly loaded: Omit<
    Segmenter<never>,
    'segment' | 'segmentImages' | 'dispose' | typeof Symbol.asyncDispose
  > & {
    readonly device: Device
    readonly precision: Precision
    readonly attempts: readonly Attempt<Device>[]
    /** How many workers there are to be. */
    readonly workers: number
  }
  readonly request: {
    readonly images: readonly RgbImage[]
    readonly options: Omit<SegmentOptions, 'signal' | 'onProgress'>
  }
  readonly result: Segmentation[]
}

/** Segments images of any sizes. */
export const startSegmenter: StartTask<SegmenterTask> = async (settings, { signal, onProgress }) => {
  const started = performance.now()
  const { checkpoint, modelCacheBytes } = settings
  // Looked at before the checkpoint is opened, so that a file that replaces it is noticed.
  const modelCache = userModelCache(checkpoint, modelCacheBytes)
  return withCheckpoint(checkpoint, signal, async (source) => {
    const built = await openModel(source, settings)
    const opened = performance.now()
    const planned = settings.workers === 'auto' ? workersWithin(memoryFor(settings), built) : settings.workers
    const threads = settings.threads ?? Math.max(1, Math.floor(availableParallelism() / planned))
    const network = await openSession(
      built.graph,
      { ...settings, onTry: (device) => onProgress({ stage: 'compile', device }) },
      await nativeDevices({ ...settings, threads, modelCache }),
    )
    const { device, precision, attempts } = network
    const onCpu = device === 'cpu' || device === 'wasm'
    const workers = settings.workers === 'auto' && !onCpu ? 1 : planned
    const segmenter: Network = {
      session: network.opened.onArrays,
      engine: arrayEngine,
      graph: network.graph,
      info: zoo[built.model],
      numClasses: built.numClasses,
      memoryBudget: memoryFor(settings, maxMemoryBudget(device)) / (onCpu ? workers : 1),
      availableMemory: () => process.availableMemory(),
      maxBufferBytes: maxBufferBytes(device),
      bytesPerElement: precision === 'float16' ? 2 : 4,
    }
    return {
      loaded: {
        model: built.model,
        numClasses: built.numClasses,
        edgeHead: built.edgeHead,
        device,
        precision,
        attempts,
        workers,
        report: built.report,
        loadTimings: { open: opened - started, session: performance.now() - opened },
      },
      run: ({ images, options }, context) => segmentImages(segmenter, images, { ...options, ...context }),
      buffersOf,
      dispose: () => segmenter.session.dispose(),
    }
  })
}

/** Returns the bytes that activations may take: those that the user allows, or most of what is free. */
function memoryFor({ memoryBudget }: SegmenterSettings, most = Number.POSITIVE_INFINITY): number {
  return memoryBudget ?? Math.min(0.6 * process.availableMemory(), most)
}

/** The most workers of `auto`. Threads of one network scale well to about four. */
const MOST_WORKERS = 4

/** Returns how many workers have cores, and memory for an image of 1024x2048 without tiles. */
function workersWithin(
  budget: number,
  { graph, model }: { graph: Graph; model: SegmentationModelName },
): number {
  const scale = zoo[model].multiScale ? Math.max(...HMS_SCALES) : 1
  const activations = peakActivationBytes(graph, { N: 1, H: 1024 * scale, W: 2048 * scale })
  return Math.max(1, Math.min(availableParallelism(), MOST_WORKERS, Math.floor(budget / activations)))
}

function buffersOf(segmentations: readonly Segmentation[]): ArrayBuffer[] {
  const arrays = segmentations.flatMap((segmentation) =>
    Object.values(segmentation).filter(ArrayBuffer.isView),
  )
  return arrays.map(({ buffer }) => buffer as ArrayBuffer)
}
