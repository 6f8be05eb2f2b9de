import { memorySink } from '@inverseform/backbones'
import type { Graph } from '@inverseform/backbones/graph'
import { encodeOnnx } from '@inverseform/backbones/onnx'
import * as ort from 'onnxruntime-node'
import type { StepSession } from '../session.js'
import type { StepTensor } from '../tape.js'

/**
 * Compiles a graph with ONNX Runtime for the CPU. Runs block the thread: decode and augment images in another one.
 * @param threads threads of each run; by default, one per core
 */
export async function nodeSession(
  graph: Graph,
  { threads }: { threads?: number } = {},
): Promise<StepSession> {
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
