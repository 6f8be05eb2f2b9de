import { type LoadedModel, openModel, zoo } from '@inverseform/backbones'
import { isInverseFormError } from '@inverseform/errors'
import { openSession } from './devices.js'
import { type BrowserGpu, browserDevices } from './gpu/browser-devices.js'
import type { GpuTensor } from './gpu/tensor.js'
import type { Weights } from './load-weights.js'
import { defaultMemoryBudget } from './memory-budget.js'
import { networkRunner, type RunContext } from './network-runner.js'
import { configureOnnxRuntime } from './onnx-backend.js'
import { openSource } from './open-source.js'
import type { LoadProgress, SegmenterSettings } from './options.js'
import type { KeptPicture } from './picture-on-arrays.js'
import type { Call, Loaded, WorkerCalls } from './protocol.js'
import { clearCachedWeights } from './weight-cache.js'
import { withoutWeights } from './without-weights.js'

export interface CallContext extends RunContext {
  /** The call's number. */
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
  /** Frees the picture that a call made, if it made one. */
  disposePicture(call: number): void
}

/** The worker's side of a segmenter. */
export async function startSegmenter(
  settings: SegmenterSettings,
  onProgress: (progress: LoadProgress) => void,
): Promise<RunningSegmenter> {
  const started = performance.now()
  configureOnnxRuntime(settings)
  const { loaded, weights } = await open(settings, onProgress)
  const { graph, model, classes, edge, report } = loaded
  const opened = performance.now()
  const network = weights.sha256 && `${weights.sha256}${edge ? ' edge' : ''}`
  const climbed = await openSession<GpuTensor, BrowserGpu>(
    graph,
    { ...settings, network },
    browserDevices,
    (device) => onProgress({ stage: 'compile', device }),
  )
  const { device, precision, ladder } = climbed
  const runner = networkRunner(climbed.opened, {
    graph: withoutWeights(graph),
    info: zoo[model],
    classes,
    edge,
    precision,
    memoryBudget: settings.memoryBudget ?? defaultMemoryBudget(),
  })
  /** By the number of the call that made each. */
  const pictures = new Map<number, KeptPicture>()
  return {
    loaded: {
      model,
      classes,
      edge,
      device,
      precision,
      ladder,
      report,
      weights,
      loadTimings: { open: opened - started, session: performance.now() - opened },
    },
    calls: {
      segment: runner.segment,
      async createPicture(request, context) {
        const { id } = context
        const picture = await runner.createPicture(request, context)
        pictures.set(id, picture)
        return { ...picture.facts, id }
      },
      // The page asks for none that it has disposed of.
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

/** What is no checkpoint at all, such as a page that says that there is none, is not kept. */
async function open(
  settings: SegmenterSettings,
  onProgress: (progress: LoadProgress) => void,
): Promise<{ loaded: LoadedModel; weights: Weights }> {
  const { source, weights } = await openSource(settings, onProgress)
  try {
    return { loaded: await openModel(source, settings), weights }
  } catch (error) {
    const isDamaged = isInverseFormError(error) && error.code === 'invalid-checkpoint'
    if (isDamaged && 'url' in settings.source) await clearCachedWeights(settings.source.url)
    throw error
  }
}
