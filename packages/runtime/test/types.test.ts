import { describe, expectTypeOf, test } from 'vitest'
import {
  arrayEngine,
  type Labels,
  type LoadProgress,
  type Network,
  type RgbImage,
  type RunOptions,
  type Segmentation,
  type Segmenter,
  type SegmentOptions,
  type SegmentOutput,
  segmentBatch,
  segmentImages,
} from '../src/index.js'

// Checked by the compiler: nothing here runs a network.
const unused = (_: () => unknown) => {}
declare const segmenter: Segmenter<string>
declare const network: Network
declare const images: readonly RgbImage[]
declare const outputs: SegmentOutput[]
declare const some: ('labels' | 'edges')[]
declare const condition: boolean

describe('the result of a segmenter', () => {
  test('has labels by default, and nothing else', () => {
    unused(async () => {
      const plain = await segmenter.segment('a.png')
      expectTypeOf(plain.labels).toEqualTypeOf<Labels>()
      expectTypeOf(plain).not.toHaveProperty('confidence')
      expectTypeOf(plain).not.toHaveProperty('edges')
      const mirrored = await segmenter.segment('a.png', { flip: true })
      expectTypeOf(mirrored.labels).toEqualTypeOf<Labels>()
      expectTypeOf(mirrored).not.toHaveProperty('logits')
      expectTypeOf(plain.width).toEqualTypeOf<number>()
      expectTypeOf(plain.timings.network).toEqualTypeOf<number>()
    })
  })

  test('has the outputs of a literal list, and no others', () => {
    unused(async () => {
      const edges = await segmenter.segment('a.png', { outputs: ['edges', 'edgeOutput'] })
      expectTypeOf(edges.edges).toEqualTypeOf<Float32Array>()
      expectTypeOf(edges.edgeOutput).toEqualTypeOf<Float32Array>()
      expectTypeOf(edges).not.toHaveProperty('labels')
      const [all] = await segmenter.segmentImages(['a.png'], {
        outputs: ['labels', 'confidence', 'logits'],
        scales: [0.5, 1],
      })
      expectTypeOf(all.labels).toEqualTypeOf<Labels>()
      expectTypeOf(all.confidence).toEqualTypeOf<Float32Array>()
      expectTypeOf(all.logits).toEqualTypeOf<Float32Array>()
      expectTypeOf(all).not.toHaveProperty('edges')
      const none = await segmenter.segment('a.png', { outputs: [] })
      expectTypeOf(none).not.toHaveProperty('labels')
    })
  })

  test('has optional fields for a list that is not known', () => {
    unused(async () => {
      const any = await segmenter.segment('a.png', { outputs })
      expectTypeOf(any.labels).toEqualTypeOf<Labels | undefined>()
      expectTypeOf(any.edges).toEqualTypeOf<Float32Array | undefined>()
      const either = await segmenter.segment('a.png', { outputs: some })
      expectTypeOf(either.labels).toEqualTypeOf<Labels | undefined>()
      expectTypeOf(either.edges).toEqualTypeOf<Float32Array | undefined>()
      expectTypeOf(either).not.toHaveProperty('logits')
      const options: SegmentOptions = { flip: true }
      expectTypeOf((await segmenter.segment('a.png', options)).labels).toEqualTypeOf<Labels | undefined>()
      const word = condition ? 'edges' : 'logits'
      const mixed = await segmenter.segment('a.png', { outputs: ['labels', word] })
      expectTypeOf(mixed.labels).toEqualTypeOf<Labels>()
      expectTypeOf(mixed.edges).toEqualTypeOf<Float32Array | undefined>()
    })
  })

  test('fits where any result is accepted', () => {
    expectTypeOf<Segmentation<readonly ['labels']>>().toExtend<Segmentation>()
    expectTypeOf<Segmentation>().not.toExtend<Segmentation<readonly ['labels']>>()
  })

  test('rejects unknown outputs', () => {
    unused(() =>
      segmenter.segment('a.png', {
        // @ts-expect-error `depth` is not an output
        outputs: ['depth'],
      }),
    )
  })
})

test('`segmentImages` and `segmentBatch` narrow in the same way', () => {
  unused(async () => {
    const [labels] = await segmentImages(network, images)
    expectTypeOf(labels.labels).toEqualTypeOf<Labels>()
    expectTypeOf(labels).not.toHaveProperty('edges')
    const [edges] = await segmentBatch(network, images, { outputs: ['edges'] })
    expectTypeOf(edges.edges).toEqualTypeOf<Float32Array>()
    expectTypeOf(edges).not.toHaveProperty('labels')
    const options: RunOptions = { outputs }
    const [any] = await segmentImages(network, images, options)
    expectTypeOf(any.logits).toEqualTypeOf<Float32Array | undefined>()
  })
})

test('images are bytes', () => {
  expectTypeOf(arrayEngine.checkImage).parameter(0).toEqualTypeOf<RgbImage>()
  expectTypeOf<{ data: Float32Array; width: number; height: number }>().not.toExtend<RgbImage>()
})

test('the stages of loading differ in their fields', () => {
  expectTypeOf<LoadProgress<'cpu'>['stage']>().toEqualTypeOf<'download' | 'cache' | 'compile'>()
  expectTypeOf<Extract<LoadProgress<'cpu'>, { stage: 'compile' }>['device']>().toEqualTypeOf<'cpu'>()
})
