import { ConfusionMatrix } from '@inverseform/cityscapes'
import { openDataset } from '@inverseform/cityscapes/node'
import { createSegmenter } from '@inverseform/runtime-node'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { type EvaluatedImage, evaluateImages } from '../src/index.js'
import { checkpoint, dataset, inverseform } from './command-line.js'

describe('evaluateImages', () => {
  test('yields the images in order, with the scores and maps of eval', async () => {
    const { samples } = await openDataset({ data: dataset, split: 'val' })
    await using segmenter = await createSegmenter({ checkpoint, precision: 'float32' })
    const confusion = new ConfusionMatrix()
    const names: string[] = []
    for await (const image of evaluateImages(segmenter, samples.slice(0, 2), { outputs: ['confidence'] })) {
      names.push(image.sample.name)
      if (image.scores) confusion.merge(image.scores.confusion)
      expect(image.segmentation.labels).toHaveLength(512 * 256)
      expect(image.segmentation.confidence).toHaveLength(512 * 256)
      expect(image.segmentation.edges).toBeUndefined()
      expect(Object.keys(image.seconds)).toEqual(['decode', 'preprocess', 'network', 'postprocess', 'score'])
    }
    expect(names).toEqual(samples.slice(0, 2).map(({ name }) => name))
    const args = ['--checkpoint', checkpoint, '--data', dataset, '--limit', '2', '--json']
    const { out } = await inverseform('eval', ...args)
    expect(JSON.parse(JSON.stringify(confusion))).toEqual(JSON.parse(out).confusion)
  })

  test('has no target and no scores for a sample without a label file', async () => {
    const { samples } = await openDataset({ data: dataset, split: 'val' })
    await using segmenter = await createSegmenter({ checkpoint })
    for await (const { target, scores } of evaluateImages(segmenter, [
      { ...samples[0], labelIds: undefined },
    ])) {
      expect({ target, scores }).toEqual({})
    }
  })

  test('always has labels', () => {
    expectTypeOf<EvaluatedImage['segmentation']['labels']>().not.toEqualTypeOf<undefined>()
    expectTypeOf<EvaluatedImage['segmentation']['logits']>().toEqualTypeOf<Float32Array | undefined>()
  })
})
