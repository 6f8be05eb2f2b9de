import { openModel, zoo } from '@inverseform/backbones'
import {
  type Attempt,
  arrayEngine,
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
    const network = await openSession(
      built.graph,
      { ...settings, onTry: (device) => onProgress({ stage: 'compile', device }) },
      await nativeDevices({ ...settings, modelCache }),
    )
    const { device, precision, attempts } = network
    const segmenter: Network = {
      session: network.opened.onArrays,
      engine: arrayEngine,
      graph: network.graph,
      info: zoo[built.model],
      numClasses: built.numClasses,
      memoryBudget:
        settings.memoryBudget ?? Math.min(0.6 * process.availableMemory(), maxMemoryBudget(device)),
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
        report: built.report,
        loadTimings: { open: opened - started, session: performance.now() - opened },
      },
      run: ({ images, options }, context) => segmentImages(segmenter, images, { ...options, ...context }),
      buffersOf,
      dispose: () => segmenter.session.dispose(),
    }
  })
}

function buffersOf(segmentations: readonly Segmentation[]): ArrayBuffer[] {
  const arrays = segmentations.flatMap((segmentation) =>
    Object.values(segmentation).filter(ArrayBuffer.isView),
  )
  return arrays.map(({ buffer }) => buffer as ArrayBuffer)
}
