import { checkArgument, checkNumber, checkOneOf } from '@inverseform/errors'
import { sum } from '@inverseform/shared'

/** One class against all others, in pixels. */
export interface ClassCounts {
  /** Pixels of this class that are predicted as it. */
  readonly tp: number
  /** Pixels of other classes that are predicted as this one. */
  readonly fp: number
  /** Pixels of this class that are predicted as another. */
  readonly fn: number
  /** Pixels of other classes that are predicted as any other class. */
  readonly tn: number
}

/** The counts and scores of one class: fractions in 0..1, NaN where the denominator is 0. */
export interface ClassScores extends ClassCounts {
  /** Intersection over union, the Jaccard index: tp / (tp + fp + fn). NaN if the class is in neither map. */
  readonly iou: number
  /** Dice coefficient, F1: 2 tp / (2 tp + fp + fn). NaN if the class is in neither map. */
  readonly dice: number
  /** tp / (tp + fp). NaN if the class is not predicted. */
  readonly precision: number
  /** Sensitivity, the class's accuracy: tp / (tp + fn). NaN if the class is not in the target. */
  readonly recall: number
  /** tn / (tn + fp). NaN if the whole target is this class. */
  readonly specificity: number
}

const classMetrics = ['iou', 'dice', 'fbeta', 'precision', 'recall', 'specificity'] as const

/** A score of one class. */
export type ClassMetric = (typeof classMetrics)[number]

/** How to average the scores of several classes. */
export interface AverageOptions {
  /** Default `iou`. */
  readonly metric?: ClassMetric
  /** How many times as important as precision recall is, for the metric `fbeta`; above 0. Default 1. */
  readonly beta?: number
  /**
   * - `macro` (default): the mean of the classes' scores
   * - `weighted`: their mean weighted by support, the class's pixels in the target
   * - `micro`: the score of the classes' summed counts
   */
  readonly average?: 'macro' | 'weighted' | 'micro'
  /**
   * What replaces a score whose denominator is 0:
   * - `omit` (default): nothing; the average is over the other scores, NaN if there are none
   * - `zero`, `one`: that number
   * - `propagate`: NaN, which makes the average NaN
   */
  readonly nanPolicy?: 'omit' | 'zero' | 'one' | 'propagate'
  /** Indices of the classes to average, such as all but the background. Defaults to all classes. */
  readonly classes?: readonly number[]
}

/**
 * Computes one score of one class, NaN where the denominator is 0.
 * F-beta: van Rijsbergen, Information Retrieval, 1979, in counts: (1 + β²) tp / ((1 + β²) tp + β² fn + fp).
 * @throws InverseFormError `invalid-argument` for an unknown metric
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
      return checkOneOf('metric', metric, classMetrics) as never
  }
}

/** Returns the counts of a class with all its scores. */
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

/** @throws InverseFormError `invalid-argument` unless `beta` is above 0 */
export function checkBeta(beta: number): void {
  checkNumber(
    'beta',
    beta,
    { above: 0 },
    {
      hint: 'Pass 1 for F1, or 2 to weight recall more than precision.',
    },
  )
}

/**
 * Averages one score over several classes, such as
 * `averageScore(confusion.compute().classes, { metric: 'dice' })`.
 * @returns a fraction in 0..1, or NaN as the policy says
 * @throws InverseFormError `invalid-argument` for invalid options, such as a class that does not exist or is listed twice
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
  checkOneOf('metric', metric, classMetrics)
  checkBeta(beta)
  checkOneOf('average', average, ['macro', 'weighted', 'micro'])
  checkOneOf('nanPolicy', nanPolicy, ['omit', 'zero', 'one', 'propagate'])
  checkArgument(
    'classes',
    classes,
    Array.isArray(classes) && classes.every((c, i) => counts[c] !== undefined && classes.indexOf(c) === i),
    `a list of different class indices in 0..${counts.length - 1}`,
  )
  const chosen = classes.map((c) => counts[c])
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
