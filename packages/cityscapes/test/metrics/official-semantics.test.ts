import { describe, expect, it } from 'vitest'
import type { InverseFormError } from '../../src/index.js'
import { PixelLevelEvaluation, type PixelLevelImage } from '../../src/metrics/official/pixel-level.js'
import { evaluationOf, randomImage, row } from './official-images.js'
import { naiveScores } from './official-naive.js'

const [UNLABELED, ROAD, SIDEWALK, PARKING, BUILDING] = [0, 7, 8, 9, 11]
const [PERSON, RIDER, CAR, TRUCK, CARAVAN, TRAILER] = [24, 25, 26, 27, 29, 30]
const [FLAT, HUMAN, VEHICLE] = [1, 6, 7]
const PERSON_SIZE = 3462.4756337644
const CAR_SIZE = 12794.0202738185

const scoresOf = (...images: readonly PixelLevelImage[]) => evaluationOf(images).compute()

describe('IoU', () => {
  it('ignores predictions where the target is not evaluated, except in the confusion matrix', () => {
    const { labels, categories, confusion } = scoresOf(row([UNLABELED, ROAD], [ROAD, ROAD]))
    expect(labels[ROAD]).toMatchObject({ iou: 1, prior: 0.5 })
    expect(labels[UNLABELED]).toMatchObject({ iou: NaN, prior: 0.5 })
    expect(categories[FLAT].iou).toBe(1)
    expect(confusion[UNLABELED][ROAD]).toBe(1)
  })

  it('counts the prediction of a label that is not evaluated as a miss of the class and its category', () => {
    const { labels, categories } = scoresOf(row([ROAD, ROAD], [ROAD, PARKING]))
    expect(labels[ROAD].iou).toBe(0.5)
    expect(labels[PARKING].iou).toBeNaN()
    expect(categories[FLAT].iou).toBe(0.5)
  })

  it('of a category ignores errors within the category', () => {
    const { labels, categories } = scoresOf(row([ROAD, SIDEWALK], [SIDEWALK, ROAD]))
    expect([labels[ROAD].iou, labels[SIDEWALK].iou]).toEqual([0, 0])
    expect(categories[FLAT].iou).toBe(1)
  })

  it('of a category has false positives only from evaluated labels of other categories', () => {
    const pixels = [
      [ROAD, ROAD],
      [PARKING, ROAD],
      [UNLABELED, ROAD],
    ] as const
    expect(scoresOf(row(...pixels)).categories[FLAT].iou).toBe(1)
    expect(scoresOf(row(...pixels, [BUILDING, SIDEWALK])).categories[FLAT].iou).toBe(0.5)
  })

  it('is averaged over the labels and categories whose IoU is not NaN', () => {
    const scores = scoresOf(row([ROAD, ROAD], [BUILDING, ROAD], [CARAVAN, CARAVAN]))
    expect(scores.meanIou).toBe(0.25)
    expect(scores.meanCategoryIou).toBe(0.25)
    expect(scores.meanInstanceIou).toBeNaN()
    expect(scores.meanCategoryInstanceIou).toBeNaN()
    expect(scores.categories.map(({ name, iou }) => [name, iou])).toEqual([
      ['void', NaN],
      ['flat', 0.5],
      ['construction', 0],
      ...['object', 'nature', 'sky', 'human', 'vehicle'].map((name) => [name, NaN]),
    ])
  })
})

describe('instance-level IoU', () => {
  it('gives small and large instances the same weight, separately in each image', () => {
    const small = [CAR, CAR, 26001] as const
    const large = [CAR, ROAD, 26002] as const
    const together = scoresOf(row(small, large, large, large))
    expect(together.labels[CAR]).toMatchObject({ iou: 0.25, instanceIou: 0.5 })
    const missed = [CAR, ROAD, 26001] as const
    const apart = scoresOf(row(small), row(missed, missed, missed))
    expect(apart.labels[CAR]).toMatchObject({ iou: 0.25, instanceIou: 0.5 })
    expect(apart.categories[VEHICLE].instanceIou).toBe(0.5)
  })

  it('does not weight false positives, and counts only those in evaluated targets', () => {
    const expected = CAR_SIZE / (CAR_SIZE + 1)
    const car = [CAR, CAR, 26001] as const
    const scores = scoresOf(row(car, [ROAD, CAR], [UNLABELED, CAR]))
    expect(scores.labels[CAR].instanceIou).toBe(expected)
    expect(scores.categories[VEHICLE].instanceIou).toBe(expected)
    expect(scores.meanInstanceIou).toBe(expected)
    expect(scores.meanCategoryInstanceIou).toBe(expected)
  })

  it('leaves out groups, whose ids have no number', () => {
    const { labels } = scoresOf(row([CAR, CAR, 26001], [CAR, ROAD, CAR]))
    expect(labels[CAR]).toMatchObject({ iou: 0.5, instanceIou: 1 })
  })

  it('counts instance number 0, but no id up to 1000', () => {
    expect(scoresOf(row([PERSON, PERSON, 24000])).labels[PERSON].instanceIou).toBe(1)
    expect(scoresOf(row([PERSON, PERSON, 1000])).labels[PERSON].instanceIou).toBeNaN()
  })

  it('skips instances of labels that are not evaluated', () => {
    const { labels, categories } = scoresOf(row([CARAVAN, ROAD, 29001], [TRAILER, TRAILER, 30001]))
    expect(labels[CARAVAN].instanceIou).toBeNaN()
    expect(categories[VEHICLE]).toMatchObject({ iou: NaN, instanceIou: NaN })
    expect(scoresOf(row([UNLABELED, ROAD, 1001])).meanInstanceIou).toBeNaN()
  })

  it('of a category is hit by each of its labels, including those that are not evaluated', () => {
    for (const [prediction, iou] of [
      [TRUCK, 1],
      [CARAVAN, 0],
      [TRAILER, 0],
    ] as const) {
      const { labels, categories } = scoresOf(row([CAR, prediction, 26001]))
      expect(labels[CAR].instanceIou).toBe(0)
      expect(categories[VEHICLE]).toMatchObject({ iou, instanceIou: 1 })
    }
  })

  it('of a category has false positives from each of its labels', () => {
    for (const prediction of [CARAVAN, TRAILER]) {
      const { categories } = scoresOf(row([CAR, CAR, 26001], [ROAD, prediction], [UNLABELED, prediction]))
      expect(categories[VEHICLE]).toMatchObject({ iou: 1, instanceIou: CAR_SIZE / (CAR_SIZE + 1) })
    }
  })

  it('of a label has false positives within its category; the category has none', () => {
    const scores = scoresOf(row([PERSON, PERSON, 24001], [RIDER, PERSON, 25001]))
    expect(scores.labels[PERSON].instanceIou).toBe(PERSON_SIZE / (PERSON_SIZE + 1))
    expect(scores.categories[HUMAN].instanceIou).toBe(1)
  })

  it('is NaN without instances, which need no ids', () => {
    const { instanceIds: _, ...image } = randomImage(1)
    const evaluation = new PixelLevelEvaluation({ instances: false })
    evaluation.update(image)
    const { labels, categories, meanInstanceIou, meanIou } = evaluation.compute()
    expect(new Set([...labels, ...categories].map(({ instanceIou }) => instanceIou))).toEqual(new Set([NaN]))
    expect(meanInstanceIou).toBeNaN()
    expect(meanIou).toBe(scoresOf(randomImage(1)).meanIou)
  })
})

describe('all scores', () => {
  it('are those of a second, naive implementation', () => {
    for (const seeds of [[1], [2, 3], [4, 5, 6]]) {
      const images = seeds.map((seed) => randomImage(seed))
      const naive = naiveScores(images)
      const { labels, categories } = scoresOf(...images)
      const pairs = [
        ...labels.map((label, id) => [label, naive.labels[id]] as const),
        ...categories.map((category, id) => [category, naive.categories[id]] as const),
      ]
      for (const [ours, theirs] of pairs) {
        for (const kind of ['iou', 'instanceIou'] as const) {
          if (Number.isNaN(theirs[kind])) expect(ours[kind]).toBeNaN()
          else expect(ours[kind]).toBeCloseTo(theirs[kind], 12)
        }
      }
      // The comparison is over something: all evaluated labels but a few, and both categories with instances.
      expect(labels.filter(({ iou }) => iou > 0).length).toBeGreaterThan(10)
      expect(categories.filter(({ instanceIou }) => instanceIou > 0)).toHaveLength(2)
    }
  })

  it('are 1 for a map with itself', () => {
    const image = randomImage(7)
    const { labels, categories } = scoresOf({ ...image, prediction: image.target })
    const all = [...labels, ...categories].flatMap(({ iou, instanceIou }) => [iou, instanceIou])
    expect(new Set(all)).toEqual(new Set([1, NaN]))
    expect(labels.filter(({ iou }) => iou === 1).length).toBeGreaterThan(10)
  })

  it('are swapped with the labels if these are of one category and have no instances', () => {
    const swapped = (ids: Uint8Array) => ids.map((id) => ({ 11: 12, 12: 11 })[id] ?? id)
    const image = randomImage(8)
    const [target, prediction] = [
      swapped(image.target as Uint8Array),
      swapped(image.prediction as Uint8Array),
    ]
    const before = scoresOf(image)
    const after = scoresOf({ ...image, target, prediction })
    expect(after.labels[12].iou).toBe(before.labels[11].iou)
    expect(after.labels[11].iou).toBe(before.labels[12].iou)
    expect(after.labels[11].iou).not.toBe(before.labels[11].iou)
    expect(after.categories).toEqual(before.categories)
  })

  it('are NaN if nothing is evaluated, and exist for a single pixel', () => {
    const nothing = scoresOf(row([UNLABELED, ROAD], [PARKING, PARKING]))
    expect(nothing.meanIou).toBeNaN()
    expect(nothing.meanCategoryIou).toBeNaN()
    expect(scoresOf(row([ROAD, ROAD]))).toMatchObject({ meanIou: 1, meanCategoryIou: 1 })
    expect(new PixelLevelEvaluation().compute().labels[ROAD].prior).toBeNaN()
  })
})

describe('an invalid image', () => {
  const image = { ...randomImage(9, 8, 4), name: 'ulm' }
  const changed = (map: 'target' | 'prediction' | 'instanceIds', id: number) => ({
    ...image,
    [map]: Int32Array.from(image[map]!).fill(id, 19, 21),
  })

  it('is rejected with image, pixel and id, and changes nothing', () => {
    const evaluation = evaluationOf([randomImage(10)])
    const before = JSON.stringify(evaluation)
    const failure = (bad: PixelLevelImage): InverseFormError => {
      try {
        evaluation.update(bad)
      } catch (error) {
        expect(JSON.stringify(evaluation)).toBe(before)
        return error as InverseFormError
      }
      throw new Error('evaluated')
    }
    for (const [bad, code, message] of [
      [changed('target', 34), 'invalid-argument', /^ulm has the target id 34 at column 3, row 2; .* 0\.\.33/],
      [changed('target', -1), 'invalid-argument', /target id -1 at column 3, row 2/],
      [changed('prediction', 255), 'invalid-argument', /predicted id 255 at column 3, row 2/],
      [changed('prediction', -1), 'invalid-argument', /predicted id -1 at column 3, row 2/],
      [
        changed('instanceIds', 7001),
        'invalid-argument',
        /^ulm has the instance id 7001 .*3, row 2; label 7, road, /,
      ],
      [
        changed('instanceIds', 34000),
        'invalid-argument',
        /34000 at column 3, row 2; label 34 does not exist\.$/,
      ],
      [changed('instanceIds', 90000), 'invalid-argument', /label 90 does not exist\.$/],
      [{ ...image, instanceIds: undefined }, 'invalid-argument', /^ulm has no instance ids/],
      [
        { ...image, instanceIds: new Uint16Array(31) },
        'size-mismatch',
        /^`instanceIds` must have 32 elements, one per pixel, got 31\.$/,
      ],
      [
        { ...image, instanceIds: Float32Array.from(image.target) as never },
        'invalid-argument',
        /^`instanceIds` must be a typed array of integers of at most 32 bits, .*, got Float32Array of 32 elements\.$/,
      ],
      [{ ...image, width: 9 }, 'size-mismatch', /9 x 4 pixels has 32 target ids/],
    ] as const) {
      const error = failure(bad)
      expect(error.message).toMatch(message)
      expect(error.code).toBe(code)
    }
    expect(failure(changed('prediction', 255)).hint).toContain('toLabelIds()')
    expect(failure({ ...image, instanceIds: undefined }).hint).toContain('{ instances: false }')
  })

  it('leaves no trace in the next image', () => {
    const evaluation = new PixelLevelEvaluation()
    expect(() => evaluation.update(changed('prediction', 34))).toThrow()
    expect(() => evaluation.update(changed('instanceIds', 34000))).toThrow()
    evaluation.update(randomImage(10))
    expect(evaluation.toJSON()).toEqual(evaluationOf([randomImage(10)]).toJSON())
  })
})
