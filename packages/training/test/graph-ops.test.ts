import { memorySink } from '@inverseform/backbones'
import { type Graph, gradientName, gradients, input, type Value } from '@inverseform/backbones/graph'
import { encodeOnnx } from '@inverseform/backbones/onnx'
import type { PlainTensor } from '@inverseform/core'
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

async function runGraph(graph: Graph, inputs: readonly PlainTensor[]): Promise<Record<string, PlainTensor>> {
  const encoded = encodeOnnx(graph)
  const sink = memorySink(encoded.byteLength)
  await encoded.write(sink)
  const session = await ort.InferenceSession.create(sink.finish(), {
    intraOpNumThreads: 2,
    logSeverityLevel: 3,
    // Rearranging weights for many runs takes longer than the one run.
    extra: { session: { disable_prepacking: '1' } },
  })
  const known = new Set(session.inputNames)
  const feeds = inputs.map(({ data, shape }, i): [string, ort.Tensor] => [
    `x${i}`,
    new ort.Tensor('float32', Float32Array.from(data), shape),
  ])
  const outputs = await session.run(Object.fromEntries(feeds.filter(([name]) => known.has(name))))
  await session.release()
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data, dims }]) => [
      name,
      { data: data as Float32Array, shape: dims },
    ]),
  )
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
