import type { FloatTensor } from '@inverseform/testing'
import * as ort from 'onnxruntime-node'
import type { Graph } from '../../src/graph/index.js'
import { memorySink } from '../../src/index.js'
import { encodeOnnx } from '../../src/onnx/index.js'

export async function onnxBytes(graph: Graph): Promise<Uint8Array> {
  const encoded = encodeOnnx(graph)
  const sink = memorySink(encoded.byteLength)
  await encoded.write(sink)
  return sink.finish()
}

/** A graph in ONNX Runtime: run it as often as needed. */
export async function startGraph(graph: Graph, options: ort.InferenceSession.SessionOptions = {}) {
  const session = await ort.InferenceSession.create(await onnxBytes(graph), {
    intraOpNumThreads: 2,
    ...options,
  })
  return {
    session,
    async run(feeds: Readonly<Record<string, FloatTensor>>): Promise<Record<string, FloatTensor>> {
      const inputs = Object.entries(feeds).map(([name, { data, shape }]) => [
        name,
        new ort.Tensor('float32', data, shape),
      ])
      const outputs = await session.run(Object.fromEntries(inputs))
      const read = Object.entries(outputs).map(([name, { data, dims }]) => [
        name,
        { data: data as Float32Array, shape: dims },
      ])
      return Object.fromEntries(read)
    },
    [Symbol.asyncDispose]: () => session.release(),
  }
}

/** Runs a graph once. */
export async function runGraph(
  graph: Graph,
  feeds: Readonly<Record<string, FloatTensor>>,
): Promise<Record<string, FloatTensor>> {
  await using session = await startGraph(graph)
  return await session.run(feeds)
}
