import { openModel, type SegmentationModelName, zoo } from '@inverseform/backbones'
import {
  arrayEngine,
  type Network,
  type Precision,
  type RgbImage,
  type Rung,
  type Segmentation,
  type Segmenter,
  type SegmentOptions,
  segmentBatch,
} from '@inverseform/runtime'
import { withCheckpoint } from '../checkpoint.js'
import { graphFor, maxBufferBytes } from '../device-graph.js'
import type { Device } from '../devices.js'
import { nativeDevices, openSession } from '../open-session.js'
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
    readonly precision: Precision
    readonly ladder: readonly Rung<Device>[]
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
  return withCheckpoint(settings.checkpoint, aborted, async (file) => {
    const built = await openModel(file, { model, edge, classes })
    const opened = performance.now()
    const source = await nativeDevices(settings)
    const { device, precision, opened: session, ladder } = await openSession(built.graph, settings, source)
    const network: Network = {
      session,
      engine: arrayEngine,
      graph: graphFor(device, built.graph),
      info: zoo[built.model],
      classes: built.classes,
      memoryBudget: settings.memoryBudget ?? 0.6 * process.availableMemory(),
      maxBufferBytes: maxBufferBytes(device),
      bytesPerElement: precision === 'float16' ? 2 : 4,
    }
    return {
      loaded: {
        model: built.model,
        classes: built.classes,
        edge: built.edge,
        device,
        precision,
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
