import { memorySink } from '@inverseform/backbones'
import type { Graph } from '@inverseform/backbones/graph'
import { encodeOnnx } from '@inverseform/backbones/onnx'
import { callOnnxRuntime } from '@inverseform/runtime'
import * as ort from 'onnxruntime-web/wasm'
import { checkStepMemory, stepBytes } from '../memory.js'
import type { StepSession } from '../session.js'
import { Trainer, type TrainerOptions } from '../trainer.js'
import { checkNoOnnxThread } from './onnx-thread.js'
import { configureOnnxRuntime, type WebSessionOptions } from './options.js'

const hints = {
  outOfMemory:
    'WebAssembly has 4 GB. Use a smaller crop, a smaller batch with `accumulate`, or a smaller model.',
  failed: 'Try another crop size. If the error stays, report the message.',
}

/** What WebAssembly can address. */
const LARGEST_MEMORY = 2 ** 32

/**
 * Compiles a graph with ONNX Runtime on WebAssembly. Runs block the thread: train in a worker, so that the page stays responsive.
 *
 * @throws InverseFormError `runtime-unavailable` if ONNX Runtime cannot be loaded; `out-of-memory`; `inference-failed`;
 *   `invalid-argument`
 */
export async function webSession(graph: Graph, options: WebSessionOptions = {}): Promise<StepSession> {
  checkNoOnnxThread()
  configureOnnxRuntime(options)
  checkStepMemory(stepBytes(graph), LARGEST_MEMORY)
  const model = encodeOnnx(graph)
  const sink = memorySink(model.byteLength)
  await model.write(sink)
  const session = await callOnnxRuntime('load the training step', hints, () =>
    ort.InferenceSession.create(sink.finish(), { executionProviders: ['wasm'], logSeverityLevel: 3 }),
  )
  return {
    async run(inputs, outputs) {
      const feeds = Object.fromEntries(
        session.inputNames.map((name) => {
          const { data, shape } = inputs[name]
          return [name, new ort.Tensor('float32', data, shape)]
        }),
      )
      // On WebAssembly, ONNX Runtime does not fill arrays that it is given: it returns others.
      const results = await callOnnxRuntime('run the training step', hints, () => session.run(feeds))
      for (const name of session.outputNames) {
        outputs[name].data.set(results[name].data as Float32Array)
        results[name].dispose()
      }
    },
    close: () => session.release(),
  }
}

/**
 * Creates a trainer on WebAssembly. The loss `joint` needs `regressor`, such as `smallInverseNet` of
 * `@inverseform/core/small-inverse-net`.
 *
 * @throws InverseFormError `invalid-argument` for options that do not fit
 */
export const createTrainer = (options: TrainerOptions & WebSessionOptions): Trainer =>
  new Trainer(options, (graph) => webSession(graph, options))
