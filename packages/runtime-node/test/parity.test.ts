import type { SegmentationModelName } from '@inverseform/backbones'
import {
  type Network,
  resizeTensor,
  type SegmentationMaps,
  type Session,
  segmentBatch,
  segmentTensor,
  type Tensor,
} from '@inverseform/runtime'
import {
  expectClose,
  type FloatTensor,
  goldenInputs,
  goldenOutputs,
  imageTensor,
  relativeError,
} from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { deterministicNetwork } from './support/network.js'

const models: SegmentationModelName[] = ['hrnet18', 'hrnet16-slim', 'ocrnet48', 'ocrnet48-hms']

describe.each(models)('%s', (model) => {
  test('segments as published', async () => {
    const network = await deterministicNetwork(model)
    for (const { size, image, height, width } of goldenInputs) {
      const golden = await goldenOutputs(model, size)
      const [all] = await segmentTensor(network, imageTensor(image, height, width), {
        outputs: ['labels', 'logits', 'edges'],
      })
      expectClose({ data: all.logits, shape: [1, 19, height, width] }, golden.pred)
      // Upstream returns the edge output of the network: a logit, except for the multi-scale model.
      const edges = model === 'ocrnet48-hms' ? golden.edge_pred.data : golden.edge_pred.data.map(logistic)
      expect(relativeError(all.edges, edges)).toBeLessThanOrEqual(1e-4)
      expectLabels(all, golden.pred)
      // Labels alone use another algorithm, which skips most of the interpolation.
      const [labelsOnly] = await segmentTensor(network, imageTensor(image, height, width))
      expectLabels(labelsOnly, golden.pred)
    }
    if (model === 'ocrnet48-hms') await expectScales(network)
    await expectTinyImages(network)
    await network.session.dispose()
  })
})

/** Expects results for images smaller than the network's stride or its smallest size. */
async function expectTinyImages(network: Network): Promise<void> {
  for (const [width, height] of [
    [1, 1],
    [2, 2],
    [1, 7],
  ]) {
    const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 37) % 256)
    const [result] = await segmentBatch(network, [{ width, height, data }], { outputs: ['logits', 'edges'] })
    expect(result.logits).toHaveLength(19 * width * height)
    expect(result.logits.every(Number.isFinite)).toBe(true)
    expect(result.edges).toHaveLength(width * height)
    expect(result.edges.every((p) => p >= 0 && p <= 1)).toBe(true)
  }
}

/** Expects the published outputs of each scale, enlarged to the scaled image. */
async function expectScales(network: Network): Promise<void> {
  const golden = await goldenOutputs('ocrnet48-hms', '32x64')
  const runs: { image: Tensor; outputs: Readonly<Record<string, Tensor>> }[] = []
  const session: Session = {
    ...network.session,
    async run(feeds) {
      const outputs = await network.session.run(feeds)
      runs.push({ image: feeds.image, outputs })
      return outputs
    },
  }
  await segmentTensor({ ...network, session }, imageTensor('images', 32, 64))
  expect(runs.map(({ image }) => image.shape[2] / 32)).toEqual([2, 1, 0.5, 0.25])
  for (const { image, outputs } of runs) {
    const [, , height, width] = image.shape
    const scale = { 64: '2.0x', 32: '1.0x', 16: '0.5x', 8: '0.25x' }[height]
    expectClose(resizeTensor(outputs.logits, width, height), golden[`pred_${scale}`])
    // The largest scale is not blended with a larger one: upstream does not keep its attention.
    if (scale === '2.0x') expect(golden).not.toHaveProperty('attn_2.0x')
    else expectClose(resizeTensor(outputs.attention, width, height), golden[`attn_${scale}`])
  }
}

const logistic = (x: number) => 1 / (1 + Math.exp(-x))

/** Expects labels of the largest logits; if the two largest differ only by rounding, either is accepted. */
function expectLabels(
  { labels }: Pick<SegmentationMaps, 'labels'>,
  { data, shape: [, classes, height, width] }: FloatTensor,
): void {
  const pixels = height * width
  let [wrong, ties] = [0, 0]
  for (let i = 0; i < pixels; i++) {
    const logits = Array.from({ length: classes }, (_, c) => data[c * pixels + i])
    const [first, second] = logits.toSorted((a, b) => b - a)
    if (first - second < 1e-4) ties++
    else if (logits[labels[i]] !== first) wrong++
  }
  expect(wrong).toBe(0)
  expect(ties).toBeLessThan(pixels / 100)
}
