import { conv2d, type Graph, imageInput, loadModel, topologicalOrder } from '@inverseform/backbones'
import { expect, test } from 'vitest'
import { deterministicImage } from '../../../tools/testing/deterministic.js'
import { deterministicSource, publishedCheckpoint } from '../../backbones/test/support/models.js'
import { relativeError } from '../../backbones/test/support/tensors.js'
import { onnxBackend } from '../src/onnx-backend.js'
import { splitMiscomputed } from '../src/webgpu-graph.js'

/** [output channels, input channels, kernel] of each convolution. */
const convolutions = (graph: Graph) =>
  topologicalOrder(graph).flatMap((value) =>
    value.op === 'conv2d' ? [(value.inputs[1].shape as number[]).slice(0, 3)] : [],
  )
const miscomputed = (graph: Graph) =>
  convolutions(graph).filter(([o, i, k]) => k > 1 && i > 3 && i % 3 === 0 && i % 4 !== 0 && o % 4 === 0)

test.each([
  // Where the branch of 18 channels feeds wider ones: once in stage 2, twice in each of stage 3's modules, three times in stage 4's.
  ['hrnet18', 1 + 3 * 2 + 2 * 3],
  ['hrnet16-slim', 0],
  ['ocrnet48', 0],
] as const)('%s has none of the convolutions left that WebGPU gets wrong', (model, count) => {
  const { graph } = loadModel(publishedCheckpoint(model), { model, edge: true })
  expect(miscomputed(graph)).toHaveLength(count)
  const split = splitMiscomputed(graph)
  expect(miscomputed(split)).toEqual([])
  expect(convolutions(split)).toHaveLength(convolutions(graph).length + count)
})

test.each([
  [18, 36],
  [18, 72],
  [9, 4],
])('split, a convolution of %i to %i channels gives the same', async (channels, outputs) => {
  const source = deterministicSource()
  const graphOf = (bias: boolean): Graph => ({
    outputs: {
      y: conv2d(
        imageInput('image', channels),
        source('weight', [outputs, channels, 3, 3]),
        bias ? source('bias', [outputs]) : undefined,
        { stride: 2, padding: 1 },
      ),
    },
  })
  const shape = [2, channels, 11, 14]
  const feeds = { image: { data: deterministicImage('x', shape), shape } }
  const backend = await onnxBackend('cpu', 1)
  for (const graph of [graphOf(true), graphOf(false)]) {
    const [whole, split] = [graph, splitMiscomputed(graph)]
    expect(convolutions(split)).toHaveLength(2)
    const sessions = [await backend.createSession(whole), await backend.createSession(split)]
    const [a, b] = [await sessions[0].run(feeds), await sessions[1].run(feeds)]
    expect(b.y.shape).toEqual(a.y.shape)
    expect(relativeError(b.y.data, a.y.data)).toBeLessThan(1e-6)
    for (const session of sessions) await session.dispose()
  }
})
