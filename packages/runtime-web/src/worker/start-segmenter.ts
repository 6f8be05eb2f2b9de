import { zoo } from '@inverseform/backbones'
import type { LoadProgress } from '@inverseform/runtime'
import { loadCheckpoint } from '../checkpoint/load.js'
import { type BrowserGpu, browserDevices } from '../devices/browser-devices.js'
import type { Device } from '../devices/devices.js'
import { configureOnnxRuntime } from '../devices/onnx-backend.js'
import { openSession } from '../devices/open-session.js'
import type { GpuTensor } from '../gpu/tensor.js'
import type { SegmenterSettings } from '../options.js'
import type { KeptPicture } from '../picture/on-arrays.js'
import { networkRunner, type RunContext } from './network-runner.js'
import type { Call, Loaded, WorkerCalls } from './protocol.js'

export interface CallContext extends RunContext {
  /** The id of the call. */
  readonly id: number
}

export interface RunningSegmenter {
  readonly loaded: Loaded
  readonly calls: {
    readonly [C in Call]: (
      request: WorkerCalls[C]['request'],
      context: CallContext,
    ) => Promise<WorkerCalls[C]['result']>
  }
  /** Frees the picture that a call created, if any. */
  disposePicture(call: number): void
}

/** Starts the worker's side of a segmenter: loads the checkpoint, opens a device and returns what answers the calls. */
export async function startSegmenter(
  settings: SegmenterSettings,
  onProgress: (progress: LoadProgress<Device>) => void,
): Promise<RunningSegmenter> {
  const started = performance.now()
  configureOnnxRuntime(settings)
  const { model: loadedModel, origin } = await loadCheckpoint(settings, onProgress)
  const { graph, model, numClasses, edgeHead, report } = loadedModel
  const checkpointOpened = performance.now()
  const { verdicts, ...browser } = browserDevices
  const network = await openSession<GpuTensor, BrowserGpu>(
    graph,
    {
      ...settings,
      networkKey: origin.sha256 && `${origin.sha256}${edgeHead ? ' edge' : ''}`,
      onTry: (device) => onProgress({ stage: 'compile', device }),
    },
    settings.selfCheckCache ? { ...browser, verdicts } : browser,
  )
  const { device, precision, attempts } = network
  const runner = networkRunner(network.opened, {
    graph: network.graph,
    info: zoo[model],
    numClasses,
    edgeHead,
    precision,
    memoryBudget: settings.memoryBudget ?? defaultMemoryBudget(),
  })
  /** By the id of the call that created each. */
  const pictures = new Map<number, KeptPicture>()
  return {
    loaded: {
      model,
      numClasses,
      edgeHead,
      device,
      precision,
      attempts,
      report,
      origin,
      loadTimings: { open: checkpointOpened - started, session: performance.now() - checkpointOpened },
    },
    calls: {
      segment: runner.segment,
      async createPicture(request, context) {
        const { id } = context
        const picture = await runner.createPicture(request, context)
        pictures.set(id, picture)
        return { ...picture.info, id }
      },
      // The page does not send the id of a picture that it has disposed of.
      paint: ({ picture, style }) => pictures.get(picture)!.paint(style),
      labels: ({ picture }) => pictures.get(picture)!.labels(),
      disposePicture: async ({ picture }) => disposePicture(picture),
    },
    disposePicture,
  }

  function disposePicture(call: number): undefined {
    pictures.get(call)?.dispose()
    pictures.delete(call)
  }
}

/**
 * Returns bytes for activations: a quarter of the device's memory, at most 2 GiB, because WebAssembly has 4 GiB for
 * everything. Browsers that do not report the memory count as having 4 GiB.
 */
export function defaultMemoryBudget(): number {
  const { deviceMemory = 4 } = navigator as { deviceMemory?: number }
  return Math.min(2, deviceMemory / 4) * 2 ** 30
}
