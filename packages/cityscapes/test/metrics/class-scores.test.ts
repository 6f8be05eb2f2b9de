import { describe, expect, it } from 'vitest'
import {
  type AverageOptions,
  averageScore,
  type ClassMetric,
  classScore,
} from '../../src/metrics/class-scores.js'
import { matrixOf, randomImage } from './images.js'

const counts = (tp: number, fp: number, fn: number, tn: number) => ({ tp, fp, fn, tn })

describe('classScore', () => {
  it('equals its definition over sets of pixels', () => {
    const image = randomImage(31, 4000, 6)
    const { classes } = matrixOf([image], { numClasses: 6 }).compute()
    const pixels = [...image.target.keys()].filter((i) => image.target[i] !== 255)
    classes.forEach((scores, c) => {
      const target = new Set(pixels.filter((i) => image.target[i] === c))
      const predicted = new Set(pixels.filter((i) => image.prediction[i] === c))
      const both = pixels.filter((i) => target.has(i) && predicted.has(i)).length
      const either = pixels.filter((i) => target.has(i) || predicted.has(i)).length
      const neither = pixels.length - either
      const [precision, recall] = [both / predicted.size, both / target.size]
      const expected: Record<ClassMetric, number> = {
        iou: both / either,
        dice: (2 * both) / (target.size + predicted.size),
        fbeta: (5 * precision * recall) / (4 * precision + recall),
        precision,
        recall,
        specificity: neither / (pixels.length - target.size),
      }
      for (const [metric, value] of Object.entries(expected)) {
        expect(classScore(scores, metric as ClassMetric, 2)).toBeCloseTo(value, 14)
        if (metric !== 'fbeta') expect(scores[metric as 'iou']).toBeCloseTo(value, 14)
      }
      // Dice follows from IoU, and F1 is Dice.
      expect(scores.dice).toBeCloseTo((2 * scores.iou) / (1 + scores.iou), 14)
      expect(classScore(scores, 'fbeta')).toBe(scores.dice)
    })
  })

  it('rejects an unknown metric', () => {
    expect(() => classScore(counts(1, 1, 1, 1), 'auc' as 'iou')).toThrow(
      "`metric` must be one of 'iou', 'dice', 'fbeta', 'precision', 'recall' or 'specificity', got \"auc\".",
    )
  })
})

describe('averageScore', () => {
  // Class 2 is in neither map; class 3 is only in the target; class 4 is only in the prediction.
  const classes = [
    counts(6, 2, 2, 20),
    counts(8, 4, 4, 14),
    counts(0, 0, 0, 30),
    counts(0, 0, 4, 26),
    counts(0, 4, 0, 26),
  ]
  const average = (options: AverageOptions): number => averageScore(classes, options)

  it('is the mean over the classes whose score is not NaN', () => {
    expect(average({})).toBeCloseTo((0.6 + 0.5 + 0 + 0) / 4, 14)
    expect(average({ metric: 'precision' })).toBeCloseTo((6 / 8 + 8 / 12 + 0) / 3, 14)
    expect(average({ metric: 'recall' })).toBeCloseTo((6 / 8 + 8 / 12 + 0) / 3, 14)
  })

  it('has a policy for scores that are NaN', () => {
    expect(average({ nanPolicy: 'zero' })).toBeCloseTo(1.1 / 5, 14)
    expect(average({ nanPolicy: 'one' })).toBeCloseTo(2.1 / 5, 14)
    expect(average({ nanPolicy: 'propagate' })).toBeNaN()
    expect(average({ nanPolicy: 'propagate', classes: [0, 1] })).toBeCloseTo(0.55, 14)
    for (const how of ['macro', 'micro', 'weighted'] as const) {
      const nothing = { average: how, classes: [2] }
      expect(average(nothing)).toBeNaN()
      expect(average({ ...nothing, nanPolicy: 'propagate' })).toBeNaN()
    }
    expect(average({ average: 'micro', classes: [2], nanPolicy: 'one' })).toBe(1)
  })

  it('weights by support, or sums the counts', () => {
    expect(average({ average: 'weighted' })).toBeCloseTo((8 * 0.6 + 12 * 0.5 + 4 * 0) / 24, 14)
    expect(average({ average: 'micro' })).toBeCloseTo(14 / (14 + 10 + 10), 14)
    expect(average({ average: 'micro', metric: 'dice' })).toBeCloseTo(28 / (28 + 20), 14)
    expect(average({ average: 'micro', classes: [0, 4] })).toBeCloseTo(6 / (8 + 6), 14)
  })

  it('with the micro average of precision, recall or Dice over all classes is the accuracy', () => {
    const { classes: all, accuracy } = matrixOf([randomImage(32, 3000, 7)], { numClasses: 7 }).compute()
    for (const metric of ['precision', 'recall', 'dice'] as const) {
      expect(averageScore(all, { metric, average: 'micro' })).toBeCloseTo(accuracy, 14)
    }
    expect(averageScore(all, { metric: 'recall', average: 'weighted' })).toBeCloseTo(accuracy, 14)
  })

  it('rejects unknown classes, a duplicate class, and an invalid beta', () => {
    for (const [subset, name] of [
      [[0, 5], '0, 5'],
      [[-1], '-1'],
      [[1, 1], '1, 1'],
      [[0.5], '0.5'],
    ] as const) {
      expect(() => average({ classes: subset })).toThrow(
        `\`classes\` must be a list of different class indices in 0..4, got [${name}].`,
      )
    }
    for (const beta of [0, -1, NaN, Infinity]) {
      expect(() => average({ metric: 'fbeta', beta })).toThrow(
        `\`beta\` must be a finite number above 0, got ${beta}.`,
      )
    }
  })

  it('rejects unknown averages and policies', () => {
    expect(() => average({ average: 'bogus' as 'macro' })).toThrow(
      "`average` must be one of 'macro', 'weighted' or 'micro', got \"bogus\".",
    )
    expect(() => average({ nanPolicy: 'bogus' as 'omit' })).toThrow(
      "`nanPolicy` must be one of 'omit', 'zero', 'one' or 'propagate', got \"bogus\".",
    )
  })
})
