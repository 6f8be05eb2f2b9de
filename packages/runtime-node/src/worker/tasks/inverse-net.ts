import { INVERSENET_TILE, type LoadReport, loadInverseNet, openCheckpoint } from '@inverseform/backbones'
import type { WeightPrecision } from '@inverseform/backbones/onnx'
import { isInverseFormError } from '@inverseform/errors'
import type { LoadTimings, Tensor } from '@inverseform/runtime'
import { withCheckpoint } from '../../checkpoint.js'
import { onnxBackend } from '../../onnx/backend.js'
import { loadNative } from '../../onnx/load.js'
import type { InverseNetSettings } from '../../options.js'
import type { StartTask } from './task.js'

export interface InverseNetTask {
  readonly settings: InverseNetSettings
  readonly loaded: {
    readonly precision: WeightPrecision
    readonly device: 'cpu' | 'wasm'
    readonly report: LoadReport
    readonly loadTimings: LoadTimings
  }
  /** Both are [tiles, 1, 224, 224]. */
  readonly request: { readonly prediction: Tensor; readonly target: Tensor }
  /** [tiles, 4] */
  readonly result: Tensor
}

/** Computes coefficients between stacks of tiles. */
export const startInverseNet: StartTask<InverseNetTask> = async (settings, { signal, onProgress }) => {
  const started = performance.now()
  const { threads, precision } = settings
  const device = await deviceOf(settings.device)
  return withCheckpoint(settings.checkpoint, signal, async (source) => {
    const { graph, report } = loadInverseNet(await openCheckpoint(source))
    const opened = performance.now()
    onProgress({ stage: 'compile', device })
    const backend = await onnxBackend(device, threads, { compact: precision })
    const session = await backend.createSession(graph)
    return {
      loaded: {
        precision,
        device,
        report,
        loadTimings: { open: opened - started, session: performance.now() - opened },
      },
      async run({ prediction, target }) {
        const outputs = await session.run({ prediction: flat(prediction), target: flat(target) })
        return outputs.coefficients
      },
      buffersOf: ({ data }) => [data.buffer as ArrayBuffer],
      dispose: () => session.dispose(),
    }
  })
}

async function deviceOf(named: InverseNetSettings['device']): Promise<'cpu' | 'wasm'> {
  if (named !== 'auto') return named
  try {
    await loadNative()
    return 'cpu'
  } catch (error) {
    if (!isInverseFormError(error)) throw error
    return 'wasm'
  }
}

const flat = ({ data, shape }: Tensor): Tensor => ({ data, shape: [shape[0], INVERSENET_TILE ** 2] })
