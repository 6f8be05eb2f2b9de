import { InverseFormError } from '@inverseform/errors'
import { expectOneOf } from '../one-of.js'

/** One class against all others, in pixels. */
export interface ClassCounts {
  /** Pixels of this class predicted as it. */
  readonly tp: number
  /** Pixels of other classes predicted as this one. */
  readonly fp: number
  /** Pixels of this class predicted as another. */
  readonly fn: number
  /** Pixels of other classes predicted as any other. */
  readonly tn: number
}

/** One class's counts and scores: fractions in 0..1 that are NaN where they would divide by 0. */
export interface ClassScores extends ClassCounts {
  /** Intersection over union, the Jaccard index: tp / (tp + fp + fn). NaN for a class neither true nor predicted. */
  readonly iou: number
  /** Dice coefficient, F1: 2 tp / (2 tp + fp + fn). NaN for a class neither true nor predicted. */
  readonly dice: number
  /** tp / (tp + fp). NaN for a class that is not predicted. */
  readonly precision: number
  /** Sensitivity, the class's accuracy: tp / (tp + fn). NaN for a class that is not in the truth. */
  readonly recall: number
  /** tn / (tn + fp). NaN where all of the truth is this class. */
  readonly specificity: number
}

/** A score of one class. */
export type ClassMetric = 'iou' | 'dice' | 'fbeta' | 'precision' | 'recall' | 'specificity'

/** How the scores of several classes become one. */
export interface AverageOptions {
  /** Default `iou`. */
  readonly metric?: ClassMetric
  /** How many times as important as precision recall is, for the metric `fbeta`; above 0. Default 1. */
  readonly beta?: number
  /**
   * - `macro` (default): the mean of the classes' scores
   * - `weighted`: their mean weighted by support, the class's pixels in the truth
   * - `micro`: the score of the classes' summed counts
   */
  readonly average?: 'macro' | 'weighted' | 'micro'
  /**
   * What counts for a score that would divide by 0:
   * - `omit` (default): nothing, the average is over the others (NaN if there is none)
   * - `zero`, `one`: that number
   * - `propagate`: NaN, which the average then is too
   */
  readonly nanPolicy?: 'omit' | 'zero' | 'one' | 'propagate'
  /** Indices of the classes to average over, such as all but the background. Default all. */
  readonly classes?: readonly number[]
}

/**
 * One score of one class, NaN where it would divide by 0.
 * F-beta: van Rijsbergen, Information Retrieval, 1979, in counts: (1 + β²) tp / ((1 + β²) tp + β² fn + fp).
 */
export function classScore({ tp, fp, fn, tn }: ClassCounts, metric: ClassMetric, beta = 1): number {
  switch (metric) {
    case 'iou':
      return tp / (tp + fp + fn)
    case 'dice':
      return (2 * tp) / (2 * tp + fp + fn)
    case 'fbeta': {
      const hits = (1 + beta ** 2) * tp
      return hits / (hits + beta ** 2 * fn + fp)
    }
    case 'precision':
      return tp / (tp + fp)
    case 'recall':
      return tp / (tp + fn)
    case 'specificity':
      return tn / (tn + fp)
    default:
      throw new InverseFormError('invalid-argument', `There is no class metric ${JSON.stringify(metric)}.`, {
        hint: 'Take iou, dice, fbeta, precision, recall or specificity.',
      })
  }
}

/** A class's counts with all its scores. */
export const classScores = (counts: ClassCounts): ClassScores => ({
  tp: counts.tp,
  fp: counts.fp,
  fn: counts.fn,
  tn: counts.tn,
  iou: classScore(counts, 'iou'),
  dice: classScore(counts, 'dice'),
  precision: classScore(counts, 'precision'),
  recall: classScore(counts, 'recall'),
  specificity: classScore(counts, 'specificity'),
})

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** The mean of the values that are numbers; NaN of none. */
export function nanMean(values: readonly number[]): number {
  const numbers = values.filter((value) => !Number.isNaN(value))
  return sum(numbers) / numbers.length
}

/** @throws InverseFormError `invalid-argument` for a beta that is not above 0 */
export function expectBeta(beta: number): void {
  if (beta > 0 && beta < Number.POSITIVE_INFINITY) return
  throw new InverseFormError('invalid-argument', `F-beta has no beta of ${beta}.`, {
    hint: 'Pass a number above 0: 1 for F1, 2 to have recall count more than precision.',
  })
}

/**
 * One score for several classes, such as `averageScore(confusion.compute().classes, { metric: 'dice' })`.
 * @returns a fraction in 0..1, or NaN as the policy says
 * @throws InverseFormError `invalid-argument` for a class that is not there or listed twice, a `beta` not above 0, or an
 *   option that has another value than listed
 */
export function averageScore(
  counts: readonly ClassCounts[],
  {
    metric = 'iou',
    beta = 1,
    average = 'macro',
    nanPolicy = 'omit',
    classes = counts.map((_, c) => c),
  }: AverageOptions = {},
): number {
  expectBeta(beta)
  expectOneOf('average', average, ['macro', 'weighted', 'micro'])
  expectOneOf('nanPolicy', nanPolicy, ['omit', 'zero', 'one', 'propagate'])
  const bad = classes.find((c, i) => counts[c] === undefined || classes.indexOf(c) !== i)
  if (bad !== undefined)
    throw new InverseFormError(
      'invalid-argument',
      `Class ${bad} of the classes to average over is not one of 0..${counts.length - 1}, or listed twice.`,
      { hint: 'List each class once, by its index.' },
    )
  const chosen = classes.map((c) => counts[c]!)
  const parts = average === 'micro' ? [total(chosen)] : chosen
  const substitute = { omit: Number.NaN, zero: 0, one: 1, propagate: Number.NaN }[nanPolicy]
  const terms = parts
    .map((part) => {
      const score = classScore(part, metric, beta)
      return {
        score: Number.isNaN(score) ? substitute : score,
        weight: average === 'weighted' ? part.tp + part.fn : 1,
      }
    })
    .filter(({ score }) => nanPolicy !== 'omit' || !Number.isNaN(score))
  return sum(terms.map(({ score, weight }) => weight * score)) / sum(terms.map(({ weight }) => weight))
}

const total = (counts: readonly ClassCounts[]): ClassCounts => ({
  tp: sum(counts.map(({ tp }) => tp)),
  fp: sum(counts.map(({ fp }) => fp)),
  fn: sum(counts.map(({ fn }) => fn)),
  tn: sum(counts.map(({ tn }) => tn)),
})
