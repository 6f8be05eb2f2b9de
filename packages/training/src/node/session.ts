import { availableParallelism } from 'node:os'
import { memorySink } from '@inverseform/backbones'
import type { Graph } from '@inverseform/backbones/graph'
import { encodeOnnx } from '@inverseform/backbones/onnx'
import { loadOnnxRuntime } from '@inverseform/runtime-node/onnx'
import type { Tensor } from 'onnxruntime-common'
import { checkStepMemory, stepBytes } from '../memory.js'
import type { StepSession } from '../session.js'
import type { StepTensor } from '../tape.js'
import type { Trainer } from '../trainer.js'

/**
 * Compiles a graph with ONNX Runtime for the CPU, on WebAssembly where it has no native library. Runs block the thread: decode and augment images in another one.
 *
 * @param threads threads of each run; by default, one per core
 * @throws InverseFormError `out-of-memory` when a run would need more memory than is free
 */
export async function nodeSession(
  graph: Graph,
  { threads }: { threads?: number } = {},
): Promise<StepSession> {
  const { ort, device } = await loadOnnxRuntime(threads ?? availableParallelism())
  const isWasm = device === 'wasm'
  checkStepMemory(
    stepBytes(graph),
    Math.min(process.availableMemory(), isWasm ? 2 ** 32 : Number.POSITIVE_INFINITY),
  )
  const model = encodeOnnx(graph)
  const sink = memorySink(model.byteLength)
  await model.write(sink)
  const session = await ort.InferenceSession.create(sink.finish(), {
    executionProviders: [device],
    ...(threads && { intraOpNumThreads: threads }),
    logSeverityLevel: 3,
    // A pattern reserves all activations at once, beside what the first run allocated: half as much memory again.
    enableMemPattern: false,
  })
  // Most arrays stay the same from step to step, so their tensors are kept.
  const tensors = new WeakMap<Float32Array, Tensor>()
  const tensorOf = ({ data, shape }: StepTensor) => {
    const known = tensors.get(data)
    if (known) return known
    const tensor = new ort.Tensor('float32', data, shape)
    tensors.set(data, tensor)
    return tensor
  }
  const all = (of: Readonly<Record<string, StepTensor>>, names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, tensorOf(of[name])]))
  return {
    async run(inputs, outputs) {
      const feeds = all(inputs, session.inputNames)
      if (!isWasm) {
        await session.run(feeds, all(outputs, session.outputNames))
        return
      }
      // WebAssembly does not fill arrays that it is given: it returns others.
      const results = await session.run(feeds)
      for (const name of session.outputNames) outputs[name].data.set(results[name].data as Float32Array)
    },
    close: () => session.release(),
  }
}

/**
 * Checks that the steps of a trainer fit into memory, before the first batch is made.
 * @throws InverseFormError `out-of-memory`, which says how much a step needs and how much is free
 */
export function checkMemory(trainer: Pick<Trainer, 'estimateMemory'>): void {
  checkStepMemory(trainer.estimateMemory(), process.availableMemory())
}
