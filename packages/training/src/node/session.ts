import { memorySink } from '@inverseform/backbones'
import type { Graph } from '@inverseform/backbones/graph'
import { encodeOnnx } from '@inverseform/backbones/onnx'
import * as ort from 'onnxruntime-node'
import { checkStepMemory, stepBytes } from '../memory.js'
import type { StepSession } from '../session.js'
import type { StepTensor } from '../tape.js'
import type { Trainer } from '../trainer.js'

/**
 * Compiles a graph with ONNX Runtime for the CPU. Runs block the thread: decode and augment images in another one.
 *
 * @param threads threads of each run; by default, one per core
 * @throws InverseFormError `out-of-memory` when a run would need more memory than is free
 */
export async function nodeSession(
  graph: Graph,
  { threads }: { threads?: number } = {},
): Promise<StepSession> {
  checkStepMemory(stepBytes(graph), process.availableMemory())
  const model = encodeOnnx(graph)
  const sink = memorySink(model.byteLength)
  await model.write(sink)
  const session = await ort.InferenceSession.create(sink.finish(), {
    ...(threads && { intraOpNumThreads: threads }),
    logSeverityLevel: 3,
    // A pattern reserves all activations at once, beside what the first run allocated: half as much memory again.
    enableMemPattern: false,
  })
  // Most arrays stay the same from step to step, so their tensors are kept.
  const tensors = new WeakMap<Float32Array, ort.Tensor>()
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
      await session.run(all(inputs, session.inputNames), all(outputs, session.outputNames))
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
