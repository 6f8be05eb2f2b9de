import { InverseFormError } from '@inverseform/errors'
import { averageScore, type ClassCounts } from './class-scores.js'
import type { PerImageScores } from './per-image.js'

/** A score of a whole data set from its summed counts, one entry a class. */
export type DatasetStatistic = (classes: readonly ClassCounts[]) => number

export interface BootstrapOptions {
  /** Number of resamples, 2..1000000. Default 1000. */
  readonly samples?: number
  /** Share of the resamples inside the interval, above 0 and below 1. Default 0.95. */
  readonly confidence?: number
  /** A whole number: the same gives the same interval; its lowest 32 bits count. Default 0. */
  readonly seed?: number
}

/** A confidence interval, in the unit of the statistic. */
export interface BootstrapInterval {
  /** The statistic of the images themselves. */
  readonly estimate: number
  readonly low: number
  readonly high: number
  /** Standard deviation of the resamples' statistic. */
  readonly standardError: number
  /** The share of the resamples that the interval holds. */
  readonly confidence: number
  /** Number of resamples with a statistic; those where it is NaN are left out. */
  readonly samples: number
}

/**
 * Bootstrap percentile interval of a data-set score: as many images as there are are drawn with replacement, their
 * counts summed and the statistic taken of the sums, over and over; the interval lies between two quantiles of these
 * values. Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; quantiles are interpolated
 * linearly, as NumPy's are.
 *
 * Images are drawn independently of one another: frames of one video make the interval too narrow.
 *
 * @param statistic mean IoU over the classes seen by default
 * @throws InverseFormError `invalid-argument` when there is no image, or an option is out of range
 */
export function bootstrap(
  perImage: PerImageScores,
  statistic: DatasetStatistic = averageScore,
  { samples = 1000, confidence = 0.95, seed = 0 }: BootstrapOptions = {},
): BootstrapInterval {
  const { images } = perImage.toJSON()
  if (images.length === 0) throw badBootstrap('There are no images to resample.', 'Add images before.')
  if (!Number.isInteger(samples) || samples < 2 || samples > 1e6)
    throw badBootstrap(`There cannot be ${samples} resamples.`, 'Pass a whole number from 2 to 1000000.')
  if (!(confidence > 0 && confidence < 1))
    throw badBootstrap(
      `A confidence of ${confidence} is not between 0 and 1.`,
      'Pass a fraction, such as 0.95.',
    )
  if (!Number.isInteger(seed))
    throw badBootstrap(`The seed is ${seed}, not a whole number.`, 'Pass a whole number, such as 0.')

  const n = perImage.classes
  // Most images have few of the classes.
  const rows = images.map(({ tp, fp, fn }) => {
    const counts = [...tp, ...fp, ...fn]
    const places = Uint32Array.from(counts.keys()).filter((k) => counts[k] !== 0)
    return { places, counts: Float64Array.from(places, (k) => counts[k]!) }
  })
  const sums = new Float64Array(3 * n)
  const score = (drawn: ArrayLike<number>): number => {
    sums.fill(0)
    for (const [i, { places, counts }] of rows.entries()) {
      const times = drawn[i]!
      if (times > 0) for (let k = 0; k < places.length; k++) sums[places[k]!]! += times * counts[k]!
    }
    return statistic(classCounts(sums, n))
  }

  const random = seededRandom(seed)
  const drawn = new Uint32Array(rows.length)
  const values = new Float64Array(samples)
  for (let s = 0; s < samples; s++) {
    drawn.fill(0)
    for (let i = 0; i < rows.length; i++) drawn[Math.floor(random() * rows.length)]!++
    values[s] = score(drawn)
  }
  const sorted = values.filter((value) => !Number.isNaN(value)).sort()
  const mean = sorted.reduce((total, value) => total + value, 0) / sorted.length
  const squares = sorted.reduce((total, value) => total + (value - mean) ** 2, 0)
  return {
    estimate: score(new Uint32Array(rows.length).fill(1)),
    low: quantile(sorted, (1 - confidence) / 2),
    high: quantile(sorted, (1 + confidence) / 2),
    standardError: Math.sqrt(squares / Math.max(0, sorted.length - 1)),
    confidence,
    samples: sorted.length,
  }
}

/** Sums in three runs of n (tp, fp, fn) as one entry a class. */
function classCounts(sums: Float64Array, n: number): ClassCounts[] {
  let pixels = 0
  for (let c = 0; c < n; c++) pixels += sums[c]! + sums[2 * n + c]!
  return Array.from({ length: n }, (_, c) => {
    const [tp, fp, fn] = [sums[c]!, sums[n + c]!, sums[2 * n + c]!]
    return { tp, fp, fn, tn: pixels - tp - fp - fn }
  })
}

/** NaN of nothing. */
function quantile(sorted: Float64Array, q: number): number {
  const at = (sorted.length - 1) * q
  const below = Math.floor(at)
  const low = sorted[below] ?? Number.NaN
  return low + (at - below) * ((sorted[below + 1] ?? low) - low)
}

/** Uniform numbers in [0, 1), the same everywhere: mulberry32 by Tommy Ettinger (public domain). */
function seededRandom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let z = Math.imul(state ^ (state >>> 15), state | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32
  }
}

const badBootstrap = (message: string, hint: string): InverseFormError =>
  new InverseFormError('invalid-argument', message, { hint })
