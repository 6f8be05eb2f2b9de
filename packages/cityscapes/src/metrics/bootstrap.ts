import {
  checkArgument,
  checkFunction,
  checkInteger,
  checkNumber,
  InverseFormError,
} from '@inverseform/errors'
import { mean, seededRandom, sum } from '@inverseform/shared'
import { averageScore, type ClassCounts } from './class-scores.js'
import type { PerImageScores } from './per-image.js'

/** Computes a score of a whole data set from its summed counts, one entry per class. */
export type DatasetStatistic = (classes: readonly ClassCounts[]) => number

export interface BootstrapOptions {
  /** Number of resamples, 2..1000000. Default 1000. */
  readonly samples?: number
  /** Fraction of the resamples inside the interval, above 0 and below 1. Default 0.95. */
  readonly confidence?: number
  /** An integer; the same seed gives the same interval. Only its lowest 32 bits count. Default 0. */
  readonly seed?: number
}

/** A confidence interval in the unit of the statistic. */
export interface BootstrapInterval {
  /** Statistic of the images themselves. */
  readonly estimate: number
  readonly low: number
  readonly high: number
  /** Standard deviation of the resamples' statistic. */
  readonly standardError: number
  /** Fraction of the resamples inside the interval. */
  readonly confidence: number
  /** Number of resamples whose statistic is not NaN; the others are left out. */
  readonly samples: number
}

/**
 * Computes the bootstrap percentile interval of a data-set score. Each resample draws as many images as the data set has,
 * with replacement, and takes the statistic of their summed counts. The interval lies between two quantiles of these values.
 * Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13. Quantiles are interpolated linearly, as
 * in NumPy.
 *
 * Images are drawn independently, so the frames of one video make the interval too narrow.
 *
 * @param statistic defaults to the mean IoU over the classes seen
 * @throws InverseFormError `invalid-argument` without images, for a `statistic` that is no function, or for invalid options
 */
export function bootstrap(
  perImage: PerImageScores,
  statistic: DatasetStatistic = averageScore,
  { samples = 1000, confidence = 0.95, seed = 0 }: BootstrapOptions = {},
): BootstrapInterval {
  const isScores = typeof perImage?.toJSON === 'function' && Number.isInteger(perImage.numClasses)
  checkArgument('perImage', perImage, isScores, 'a PerImageScores', {
    hint: 'Restore JSON with PerImageScores.fromJSON() first.',
  })
  checkFunction('statistic', statistic, {
    hint: 'It takes the counts of each class. Options, such as `samples`, are the third argument.',
  })
  const { images } = perImage.toJSON()
  if (images.length === 0) {
    throw new InverseFormError('invalid-argument', 'The scores contain no images to resample.', {
      hint: 'Add images first.',
    })
  }
  checkInteger('samples', samples, { min: 2, max: 1e6 })
  checkNumber('confidence', confidence, { above: 0, below: 1 }, { hint: 'Pass a fraction, such as 0.95.' })
  checkInteger('seed', seed)

  const { numClasses } = perImage
  // Most images have only few of the classes.
  const rows = images.map(({ tp, fp, fn }) => {
    const counts = [...tp, ...fp, ...fn]
    const places = Uint32Array.from(counts.keys()).filter((k) => counts[k] !== 0)
    return { places, counts: Float64Array.from(places, (k) => counts[k]) }
  })
  const sums = new Float64Array(3 * numClasses)
  const score = (drawn: ArrayLike<number>): number => {
    sums.fill(0)
    for (const [i, { places, counts }] of rows.entries()) {
      const times = drawn[i]
      if (times > 0) for (let k = 0; k < places.length; k++) sums[places[k]] += times * counts[k]
    }
    return statistic(classCounts(sums, numClasses))
  }

  const random = seededRandom(seed)
  const drawn = new Uint32Array(rows.length)
  const values = new Float64Array(samples)
  for (let s = 0; s < samples; s++) {
    drawn.fill(0)
    for (let i = 0; i < rows.length; i++) drawn[Math.floor(random() * rows.length)]++
    values[s] = score(drawn)
  }
  const sorted = values.filter((value) => !Number.isNaN(value)).sort()
  const average = mean(sorted)
  const squares = sum(sorted.map((value) => (value - average) ** 2))
  return {
    estimate: score(new Uint32Array(rows.length).fill(1)),
    low: quantile(sorted, (1 - confidence) / 2),
    high: quantile(sorted, (1 + confidence) / 2),
    standardError: Math.sqrt(squares / Math.max(0, sorted.length - 1)),
    confidence,
    samples: sorted.length,
  }
}

/** Splits sums in three runs of n (tp, fp, fn) into one entry per class. */
function classCounts(sums: Float64Array, n: number): ClassCounts[] {
  let pixels = 0
  for (let c = 0; c < n; c++) pixels += sums[c] + sums[2 * n + c]
  return Array.from({ length: n }, (_, c) => {
    const [tp, fp, fn] = [sums[c], sums[n + c], sums[2 * n + c]]
    return { tp, fp, fn, tn: pixels - tp - fp - fn }
  })
}

/** Returns a quantile, NaN for an empty list. */
function quantile(sorted: Float64Array, q: number): number {
  const at = (sorted.length - 1) * q
  const below = Math.floor(at)
  const low = sorted[below] ?? Number.NaN
  return low + (at - below) * ((sorted[below + 1] ?? low) - low)
}
