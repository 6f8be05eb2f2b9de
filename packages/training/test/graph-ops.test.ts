import { memorySink } from '@inverseform/backbones'
import {
  type Graph,
  gradientName,
  gradients,
  input,
  rewrite,
  type Value,
  type ValueOf,
} from '@inverseform/backbones/graph'
import { encodeOnnx } from '@inverseform/backbones/onnx'
import type { PlainTensor } from '@inverseform/core'
import { product } from '@inverseform/shared'
import {
  type Binding,
  checkInverseNet,
  checkLosses,
  checkPrimitives,
  checkRelatedLosses,
  checkSorting,
  checkTraining,
} from '@inverseform/testing/losses'
import * as ort from 'onnxruntime-node'
import { describe } from 'vitest'
import { graphOps, Tape } from '../src/index.js'

const ops = graphOps(new Tape())
const names = (inputs: readonly PlainTensor[]) => inputs.map((_, i) => `x${i}`)
const leaves = (inputs: readonly PlainTensor[]) =>
  inputs.map(({ shape }, i) => input(names(inputs)[i], shape))

/** More elements than any tensor but InverseNet's first weight has. */
const HUGE = 2 ** 25

async function runGraph(graph: Graph, inputs: readonly PlainTensor[]): Promise<Record<string, PlainTensor>> {
  const tensors = new Map(
    inputs.map(({ data, shape }, i) => [`x${i}`, new ort.Tensor('float32', Float32Array.from(data), shape)]),
  )
  const { model, fed } = withoutHuge(graph)
  for (const { attributes, shape } of fed) {
    tensors.set(attributes.name, new ort.Tensor('float32', await attributes.load(), shape as number[]))
  }
  const encoded = encodeOnnx(model)
  const sink = memorySink(encoded.byteLength)
  await encoded.write(sink)
  const session = await ort.InferenceSession.create(sink.finish(), {
    intraOpNumThreads: 2,
    logSeverityLevel: 3,
    // Rearranging weights for many runs takes longer than the one run.
    extra: { session: { disable_prepacking: '1' } },
  })
  const outputs = await session.run(
    Object.fromEntries(session.inputNames.map((name) => [name, tensors.get(name) as ort.Tensor])),
  )
  await session.release()
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data, dims }]) => [
      name,
      { data: data as Float32Array, shape: dims },
    ]),
  )
}

/** Makes inputs of weights that take longer to write and to load than to compute with. */
function withoutHuge(graph: Graph) {
  const fed = new Set<ValueOf<'constant'>>()
  const model = rewrite(graph, (value) => {
    if (value.op !== 'constant' || product(value.shape as number[]) <= HUGE) return value
    fed.add(value)
    return input(value.attributes.name, value.shape)
  })
  return { model, fed }
}

const binding: Binding<Value> = {
  ops,
  async run(f, inputs) {
    return (await runGraph({ outputs: { result: f(...leaves(inputs)) } }, inputs)).result
  },
  async differentiate(f, inputs) {
    const graph = { outputs: { loss: f(...leaves(inputs)) } }
    // An input that the result does not depend on is no input of the graph; its gradient is 0.
    const used = names(inputs).filter((name) => isInput(graph, name))
    const result = await runGraph(gradients(graph, 'loss', used), inputs)
    return {
      value: result.loss.data[0],
      gradients: inputs.map(
        ({ data, shape }, i) =>
          result[gradientName(`x${i}`)] ?? { data: new Float32Array(data.length), shape },
      ),
    }
  },
}

function isInput(graph: Graph, name: string): boolean {
  const seen = new Set<Value>()
  const visit = (value: Value): boolean => {
    if (seen.has(value)) return false
    seen.add(value)
    return (value.op === 'input' && value.attributes.name === name) || value.inputs.some(visit)
  }
  return visit(graph.outputs.loss)
}

describe('operations on graphs', () => checkPrimitives(binding))
describe('losses on graphs', () => checkLosses(binding))
describe('sums in sorted order on graphs', () => checkSorting(binding))
describe('related losses on graphs', () => checkRelatedLosses(binding))
describe('training on graphs', () => checkTraining(binding))
describe('losses on graphs with InverseNet', () => checkInverseNet(binding))
