import {
  deterministicSource,
  expectClose,
  type FloatTensor,
  goldenInputs,
  goldenOutputs,
  imageTensor,
} from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { type PassName, passes } from '../../src/graph/index.js'
import { buildModel, type SegmentationModelName } from '../../src/index.js'
import { runGraph, startGraph } from '../support/session.js'

const chains: PassName[][] = [[], ['foldBatchNorm'], ['foldBatchNorm', 'commuteResize']]
const models: SegmentationModelName[] = ['hrnet18', 'hrnet16-slim', 'ocrnet48', 'ocrnet48-hms']
const kept = new Map<string, Float32Array>()

function graph(model: SegmentationModelName, chain: readonly PassName[], outputSize: 'features' | 'image') {
  const built = buildModel(model, { parameters: deterministicSource(kept), edgeHead: true, outputSize })
  return chain.reduce((g, pass) => passes[pass](g), built)
}

describe.each(models)('%s gives the published outputs', (model) => {
  test.each(chains.map((chain) => [chain.join(', ') || 'no passes', chain] as const))(
    'with %s',
    async (_, chain) => {
      await using network = await startGraph(graph(model, chain, 'image'))
      for (const { size, image, height, width } of goldenInputs) {
        const outputs = await network.run({ image: imageTensor(image, height, width) })
        const golden = await goldenOutputs(model, size)
        // The multi-scale model's `pred` is a blend of scales; one scale is what one run gives.
        if (model !== 'ocrnet48-hms') expectClose(outputs.logits, golden.pred)
        else if (golden['pred_1.0x']) {
          expectClose(outputs.logits, golden['pred_1.0x'])
          expectClose(outputs.attention, golden['attn_1.0x'])
        }
        expectClose(outputs.edge, golden.edge_pred)
      }
    },
  )
})

describe('hrnet16-slim with its stem merged', () => {
  const chain: PassName[] = ['foldBatchNorm', 'commuteResize', 'mergeStem']

  test('gives the published outputs for an even size', async () => {
    const golden = await goldenOutputs('hrnet16-slim', '32x64')
    for (const passesRun of [['mergeStem'] as const, chain]) {
      const outputs = await runGraph(graph('hrnet16-slim', passesRun, 'image'), {
        image: imageTensor('images', 32, 64),
      })
      expectClose(outputs.logits, golden.pred)
      expectClose(outputs.edge, golden.edge_pred)
    }
  })

  test('sees an odd size like the unmerged network when the odd row and column are cut off', async () => {
    const odd = imageTensor('odd', 61, 93)
    const merged = await runGraph(graph('hrnet16-slim', chain, 'features'), { image: cutToEven(odd) })
    const unmerged = await runGraph(graph('hrnet16-slim', [], 'features'), { image: odd })
    expect(Object.keys(merged)).toEqual(['logits', 'edge'])
    for (const name of Object.keys(merged)) expectClose(merged[name], unmerged[name])
  })
})

function cutToEven({ data, shape }: FloatTensor): FloatTensor {
  const [n, c, h, w] = shape
  const [height, width] = [h - (h % 2), w - (w % 2)]
  const cut = new Float32Array(n * c * height * width)
  cut.forEach((_, i) => {
    const [x, row] = [i % width, Math.floor(i / width)]
    cut[i] = data[(Math.floor(row / height) * h + (row % height)) * w + x]
  })
  return { data: cut, shape: [n, c, height, width] }
}
