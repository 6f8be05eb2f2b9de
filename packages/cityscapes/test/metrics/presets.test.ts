import { describe, expect, it } from 'vitest'
import { ConfusionMatrix, classNames, labels, toLabelIds } from '../../src/index.js'
import { reduceZeroLabel } from '../../src/label-mapping.js'
import { BoundaryF } from '../../src/metrics/boundary/boundary-f.js'
import { PixelLevelEvaluation } from '../../src/metrics/official/pixel-level.js'
import { officialResult } from '../../src/metrics/official/result.js'
import {
  cityscapesResults,
  huggingFaceResults,
  type MmsegOptions,
  mmsegResults,
  presets,
} from '../../src/metrics/presets.js'
import cases from '../fixtures/metrics/presets.json' with { type: 'json' }
import { fromRows, imageOf, matrixOf, randomImage } from './images.js'

/** Replaces null in JSON with NaN. */
const withNaN = (value: unknown): unknown =>
  value === null
    ? Number.NaN
    : Array.isArray(value)
      ? value.map(withNaN)
      : typeof value === 'object'
        ? Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withNaN(part)]))
        : value

const matrices = cases.map(({ name, classes, reduceZeroLabel: reduce, truth, prediction, ...results }) => {
  const images = truth.map((ids, i) => {
    const bytes = Uint8Array.from(ids)
    return imageOf(reduce ? reduceZeroLabel(bytes) : bytes, Uint8Array.from(prediction[i]))
  })
  return { name, matrix: matrixOf(images, { numClasses: classes, ...presets.mmseg.matrix }), ...results }
})

describe.each(matrices)('$name', ({ matrix, mmseg, huggingFace }) => {
  it('gives mmsegmentation’s results to the last digit', () => {
    for (const { options, results } of mmseg) {
      expect(mmsegResults(matrix, options as MmsegOptions)).toEqual(withNaN(results))
    }
  })

  it('gives Hugging Face’s results', () => {
    for (const { options, results } of huggingFace) {
      const { per_category_iou, per_category_accuracy, ...means } = huggingFaceResults(matrix, options)
      const expected = withNaN(results) as ReturnType<typeof huggingFaceResults>
      for (const [key, value] of Object.entries(means)) {
        expect(value).toBeCloseTo(expected[key as keyof typeof means], 14)
      }
      expect(per_category_iou).toEqual(expected.per_category_iou)
      expect(per_category_accuracy).toEqual(expected.per_category_accuracy)
    }
  })
})

describe('the results of other tools', () => {
  it('equal the example in the documentation of evaluate’s mean_iou', () => {
    const maps = [
      [
        [0, 3, 5, 4, 6, 255],
        [1, 2, 3, 4, 5, 255],
      ],
      [
        [1, 7, 9, 2, 3, 6],
        [2, 7, 9, 2, 3, 6],
      ],
      [
        [1, 2, 2, 8, 2, 1, 3, 255, 1],
        [2, 2, 3, 8, 2, 4, 3, 255, 2],
      ],
    ]
    const images = maps.map(([target, prediction]) =>
      imageOf(Uint8Array.from(target), Uint8Array.from(prediction)),
    )
    const results = huggingFaceResults(matrixOf(images, { numClasses: 10, ...presets.huggingFace.matrix }))
    expect(results.mean_iou).toBeCloseTo(0.4775, 14)
    expect(results.mean_accuracy).toBeCloseTo(0.5916666666666666, 14)
    expect(results.overall_accuracy).toBeCloseTo(0.5263157894736842, 14)
    expect(results.per_category_iou).toEqual([0, 0, 0.375, 0.4, 0.5, 0, 0.5, 1, 1, 1])
    expect(results.per_category_accuracy).toEqual([0, 0, 0.75, 2 / 3, 1, 0, 0.5, 1, 1, 1])
  })

  it('have undefined means if nothing was counted, or the number that replaces them', () => {
    const nothing = new ConfusionMatrix({ numClasses: 2 })
    expect(huggingFaceResults(nothing).mean_iou).toBeNaN()
    expect(huggingFaceResults(nothing, { nanToNum: 0 })).toEqual({
      ...{ mean_iou: 0, mean_accuracy: 0, overall_accuracy: 0 },
      ...{ per_category_iou: [0, 0], per_category_accuracy: [0, 0] },
    })
    expect(mmsegResults(nothing)).toEqual({
      summary: { aAcc: NaN, mIoU: NaN, mAcc: NaN },
      classes: { IoU: [NaN, NaN], Acc: [NaN, NaN] },
    })
  })

  it('round ties to even, like NumPy', () => {
    // Accuracies of 1/32 = 3.125 % and 3/32 = 9.375 %, both ties in binary.
    const tie = fromRows([
      [1, 31],
      [29, 3],
    ])
    expect(mmsegResults(tie).classes.Acc).toEqual([3.12, 9.38])
  })

  it('reject a metric that mmsegmentation lacks', () => {
    const metrics = ['mBoundary'] as unknown as MmsegOptions['metrics']
    expect(() => mmsegResults(new ConfusionMatrix(), { metrics })).toThrow(
      "`metrics` must be one of 'mIoU', 'mDice' or 'mFscore', got \"mBoundary\".",
    )
  })

  it('have the names of Cityscapes, and the categories’ IoU by counting pixels', () => {
    const image = randomImage(77, 4000, 19)
    const results = cityscapesResults(matrixOf([image], presets.cityscapes.matrix))
    const categoryOf = (id: number) => labels.find(({ name }) => name === classNames[id])?.category
    expect(Object.keys(results.classScores)).toEqual(classNames)
    expect(Object.keys(results.categoryScores).sort()).toEqual(
      ['flat', 'construction', 'object', 'nature', 'sky', 'human', 'vehicle'].sort(),
    )
    const scores = Object.entries(results.categoryScores)
    for (const [category, iou] of scores) {
      let [both, either] = [0, 0]
      image.target.forEach((t, i) => {
        if (t === 255) return
        const inside = [t, image.prediction[i]].filter((id) => categoryOf(id) === category).length
        if (inside === 2) both++
        if (inside > 0) either++
      })
      expect(iou).toBeCloseTo(both / either, 14)
    }
    expect(results.averageScoreCategories).toBeCloseTo(scores.reduce((sum, [, iou]) => sum + iou, 0) / 7, 14)
    expect(results.averageScoreClasses).toBe(matrixOf([image], {}).compute().meanIou)
    expect(() => cityscapesResults(new ConfusionMatrix({ numClasses: 34 }))).toThrow(
      '`matrix` must have the 19 classes of Cityscapes, got 34 classes.',
    )
  })

  it('equal the official evaluation, also where no class is predicted', () => {
    const { prediction, ...random } = randomImage(78, 3000, 19)
    const image = { ...random, prediction: prediction.map((id, i) => (i % 9 === 0 ? 255 : id)) }
    const evaluation = new PixelLevelEvaluation({ instances: false })
    // 255 becomes label id 0, unlabeled.
    evaluation.update({
      ...image,
      target: toLabelIds(image.target),
      prediction: toLabelIds(image.prediction),
    })
    const official = officialResult(evaluation.compute())
    const { classScores, categoryScores, ...means } = cityscapesResults(matrixOf([image], {}))
    for (const [name, iou] of Object.entries(classScores)) {
      expect(iou).toBeCloseTo(official.classScores[name], 14)
    }
    for (const [name, iou] of Object.entries(categoryScores)) {
      expect(iou).toBeCloseTo(official.categoryScores[name], 14)
    }
    expect(means.averageScoreClasses).toBeCloseTo(official.averageScoreClasses, 14)
    expect(means.averageScoreCategories).toBeCloseTo(official.averageScoreCategories, 14)
  })

  it('have options that the boundary metric accepts', () => {
    for (const { boundary } of [presets.davis, presets.gscnn]) {
      expect(new BoundaryF(boundary)).toMatchObject(boundary)
    }
  })

  it('of mmsegmentation need a beta above 0', () => {
    for (const beta of [0, -1, Number.NaN]) {
      expect(() => mmsegResults(fromRows([[1]]), { metrics: ['mFscore'], beta })).toThrow(
        `\`beta\` must be a finite number above 0, got ${beta}.`,
      )
    }
  })
})
