import { loadModel, type SegmentationModelName, zoo } from '@inverseform/backbones'
import {
  type Network,
  type RgbImage,
  type Segmentation,
  type Segmenter,
  type SegmentOptions,
  segmentBatch,
} from '@inverseform/runtime'
import { withCheckpoint } from '../checkpoint.js'
import type { Device } from '../devices.js'
import type { Rung } from '../ladder.js'
import { openSession } from '../open-session.js'
import type { DeviceSettings, NetworkSettings } from '../options.js'
import type { StartTask } from './task.js'

export interface SegmenterTask {
  readonly settings: NetworkSettings &
    DeviceSettings & {
      readonly model?: SegmentationModelName
      readonly edge: boolean
      readonly classes?: number
      readonly memoryBudget?: number
    }
  readonly loaded: Omit<
    Segmenter<never>,
    'segment' | 'segmentBatch' | 'dispose' | typeof Symbol.asyncDispose
  > & {
    readonly device: Device
    readonly ladder: readonly Rung[]
  }
  readonly request: {
    readonly images: readonly RgbImage[]
    readonly options: Omit<SegmentOptions, 'signal' | 'onProgress'>
  }
  readonly result: Segmentation[]
}

/** Segmenting batches of images. */
export const startSegmenter: StartTask<SegmenterTask> = async (settings, aborted) => {
  const started = performance.now()
  const { model, edge, classes } = settings
  return withCheckpoint(settings.checkpoint, aborted, async (checkpoint) => {
    const built = loadModel(checkpoint, { model, edge, classes })
    const opened = performance.now()
    const { device, opened: session, ladder } = await openSession(built.graph, settings)
    const network: Network = {
      session,
      graph: built.graph,
      info: zoo[built.model],
      classes: built.classes,
      memoryBudget: settings.memoryBudget ?? 0.6 * process.availableMemory(),
    }
    return {
      loaded: {
        model: built.model,
        classes: built.classes,
        edge: built.edge,
        device,
        ladder,
        report: built.report,
        loadTimings: { open: opened - started, session: performance.now() - opened },
      },
      run: ({ images, options }, context) => segmentBatch(network, images, { ...options, ...context }),
      buffersOf,
      dispose: () => session.dispose(),
    }
  })
}

function buffersOf(segmentations: readonly Segmentation[]): ArrayBuffer[] {
  const arrays = segmentations.flatMap((segmentation) =>
    Object.values(segmentation).filter(ArrayBuffer.isView),
  )
  return arrays.map(({ buffer }) => buffer as ArrayBuffer)
}
