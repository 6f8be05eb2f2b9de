import {
  deterministicImage,
  deterministicSource,
  expectClose,
  publishedCheckpoint,
} from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import {
  concat,
  conv2d,
  type Graph,
  imageInput,
  type PassName,
  passes,
  topologicalOrder,
} from '../../src/graph/index.js'
import { loadModel } from '../../src/index.js'
import { runGraph } from '../support/session.js'

/** [output channels, input channels, kernel] of each convolution. */
const convolutions = (graph: Graph) =>
  topologicalOrder(graph).flatMap((value) =>
    value.op === 'conv2d' ? [(value.inputs[1].shape as number[]).slice(0, 3)] : [],
  )
const miscomputed = (graph: Graph) =>
  convolutions(graph).filter(([o, i, k]) => k > 1 && i > 3 && i % 3 === 0 && i % 4 !== 0 && o % 4 === 0)

describe.each([
  // Where the branch of 18 channels feeds wider ones: once in stage 2, twice in each of stage 3's modules, three times in stage 4's.
  ['hrnet18', 1 + 3 * 2 + 2 * 3],
  ['hrnet16-slim', 0],
  ['ocrnet48', 0],
] as const)('%s', (model, count) => {
  test.each([
    ['foldBatchNorm'],
    ['foldBatchNorm', 'commuteResize', 'splitConcat', 'splitHidden', 'mergeStem'],
  ] as PassName[][])('has none of the convolutions left that WebGPU gets wrong, after %s', (...chain) => {
    const { graph } = loadModel(publishedCheckpoint(model), { model, edgeHead: true, passes: chain })
    expect(miscomputed(graph)).toHaveLength(count)
    const split = passes.splitMiscomputed(graph)
    expect(miscomputed(split)).toEqual([])
    expect(convolutions(split)).toHaveLength(convolutions(graph).length + count)
  })
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
  for (const graph of [graphOf(true), graphOf(false)]) {
    const split = passes.splitMiscomputed(graph)
    expect(convolutions(split)).toHaveLength(2)
    expectClose((await runGraph(split, feeds)).y, (await runGraph(graph, feeds)).y, 1e-6)
  }
})

test('run last, it sees the convolutions that splitConcat makes', async () => {
  const source = deterministicSource()
  const image = imageInput('image', 3)
  const part = (n: number) => conv2d(image, source(`${n}.weight`, [n, 3, 1, 1]))
  const graph = { outputs: { y: conv2d(concat([part(6), part(10)], 1), source('w', [8, 16, 3, 3])) } }
  expect(miscomputed(graph)).toEqual([])
  expect(miscomputed(passes.splitConcat(graph))).toEqual([[8, 6, 3]])
  const all = Object.values(passes).reduce<Graph>((made, pass) => pass(made), graph)
  expect(miscomputed(all)).toEqual([])
  const shape = [1, 3, 9, 8]
  const feeds = { image: { data: deterministicImage('x', shape), shape } }
  expectClose((await runGraph(all, feeds)).y, (await runGraph(graph, feeds)).y, 1e-5)
})
