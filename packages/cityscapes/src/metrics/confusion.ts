import { type ClassScores, classScores, nanMean } from './class-scores.js'
import { countPairs } from './count-pairs.js'
import { badPair, type ClassOptions, checkSizes, resolveClasses } from './ids.js'
import type { Metric, SegmentedImage } from './metric.js'
import {
  damagedState,
  expectClasses,
  expectSameOptions,
  expectState,
  isCount,
  type StateHeader,
} from './state.js'

const FORMAT = 'inverseform.confusion-matrix'

/** Most classes whose rows are written as lists: of more, nearly all counts are 0. */
const MOST_LISTED = 256

/** What a confusion matrix is on disk and between processes. */
export interface ConfusionMatrixState extends StateHeader {
  readonly format: typeof FORMAT
  readonly version: 1
  /** Number of classes n. */
  readonly classes: number
  readonly ignoreIndex: number | null
  /**
   * n rows (truth): each a list of n counts (prediction), or, above 256 classes, an object of its counts above 0 by the
   * predicted class.
   */
  readonly counts: readonly (readonly number[] | Readonly<Record<number, number>>)[]
  /** For each class, its pixels predicted as the ignore index. */
  readonly missed: readonly number[]
}

/** What {@link ConfusionMatrix.compute} returns: fractions in 0..1, NaN where there is nothing to divide by. */
export interface SegmentationScores {
  readonly classes: readonly ClassScores[]
  /** Mean of the classes' IoU, over the classes seen: those in the truth or predicted. */
  readonly meanIou: number
  /** Number of classes that {@link meanIou} is over. */
  readonly seen: number
  /** Mean of the classes' Dice coefficient, over the classes seen. */
  readonly meanDice: number
  /** Overall pixel accuracy: sum of the diagonal / sum of all. */
  readonly accuracy: number
  /** Mean of the classes' recall, over the classes in the truth. */
  readonly meanClassAccuracy: number
  /**
   * Frequency-weighted IoU: the sum of frequency · IoU over the classes in the truth, a class's frequency being its
   * share of the truth's pixels. FCN (Long, Shelhamer and Darrell, CVPR 2015, section 5) names it so; code derived
   * from it, HMS and InverseForm among it, prints it as `fwavacc`, "frequency-weighted accuracy".
   */
  readonly frequencyWeightedIou: number
  /**
   * Cohen's kappa (Educational and Psychological Measurement 1960): (a - e) / (1 - e), at most 1, with a the accuracy
   * and e that of a prediction independent of the truth. NaN when truth and prediction are one and the same class.
   */
  readonly kappa: number
  /**
   * Matthews correlation coefficient for many classes (Gorodkin, Computational Biology and Chemistry 2004), -1..1.
   * NaN when the truth, or the prediction, is of a single class.
   */
  readonly matthewsCorrelation: number
  /** Number of pixels counted. */
  readonly pixels: number
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/**
 * Counts of (truth, prediction) pairs over any number of images: rows are truth, columns prediction.
 * Pixels whose truth is the ignore index are not counted, whatever their prediction; a counted pixel predicted as it is
 * in no column.
 */
export class ConfusionMatrix implements Metric<SegmentedImage, ConfusionMatrixState, SegmentationScores> {
  /** Number of classes n. */
  readonly classes: number
  readonly ignoreIndex: number | null
  /** n · n counts, row by row. */
  readonly counts: Float64Array
  /** For each class, its pixels predicted as the ignore index: misses that are no other class's false positives. */
  readonly missed: Float64Array
  // Integer increments are several times faster than those of doubles; one image cannot overflow 32 bits.
  readonly #image: Uint32Array
  readonly #missedInImage: Uint32Array

  /** @throws InverseFormError `invalid-argument` unless `classes` is a whole number in 1..4096, `ignoreIndex` one or null. */
  constructor(options: ClassOptions = {}) {
    const { classes, ignoreIndex } = resolveClasses(options)
    this.classes = classes
    this.ignoreIndex = ignoreIndex
    this.counts = new Float64Array(classes * classes)
    this.missed = new Float64Array(classes)
    this.#image = new Uint32Array(classes * classes)
    this.#missedInImage = new Uint32Array(classes)
  }

  /**
   * Adds an image (or any part of one).
   * @throws InverseFormError `size-mismatch` when truth and prediction differ in size; `invalid-argument` for a true id
   *   or a counted pixel's prediction outside 0..n-1 that is not the ignore index. Neither changes the matrix.
   */
  update(image: SegmentedImage): void {
    checkSizes(image)
    const counts = this.#image.fill(0)
    const missed = this.#missedInImage.fill(0)
    const bad = countPairs(image, this, counts, missed)
    if (bad >= 0) throw badPair(bad, image, this)
    add(this.counts, counts)
    add(this.missed, missed)
  }

  /** @throws InverseFormError `invalid-argument` when the numbers of classes, or the ignored ids, differ. */
  expectMergeable(other: ConfusionMatrix): void {
    expectSameOptions('confusion matrix', optionsOf(this), optionsOf(other))
  }

  /** @throws as {@link expectMergeable} does, and is then as before */
  merge(other: ConfusionMatrix): void {
    this.expectMergeable(other)
    add(this.counts, other.counts)
    add(this.missed, other.missed)
  }

  /** The matrix as n rows of n counts. */
  rows(): number[][] {
    const n = this.classes
    return Array.from({ length: n }, (_, t) => [...this.counts.subarray(t * n, (t + 1) * n)])
  }

  toJSON(): ConfusionMatrixState {
    const { classes, ignoreIndex } = this
    const counts = classes > MOST_LISTED ? this.#sparseRows() : this.rows()
    return { format: FORMAT, version: 1, classes, ignoreIndex, counts, missed: [...this.missed] }
  }

  #sparseRows(): Record<number, number>[] {
    const n = this.classes
    return Array.from({ length: n }, (_, t) => {
      const row: Record<number, number> = {}
      for (let p = 0; p < n; p++) {
        const count = this.counts[t * n + p]!
        if (count > 0) row[p] = count
      }
      return row
    })
  }

  /** @throws InverseFormError `unreadable` when `json` is not what {@link toJSON} returns. */
  static fromJSON(json: unknown): ConfusionMatrix {
    const { counts, missed, ...state } = expectState<ConfusionMatrixState>(json, FORMAT, 1)
    const { classes: n, ignoreIndex } = expectClasses(state, FORMAT)
    if (!Array.isArray(counts) || counts.length !== n) throw damagedState(FORMAT, `counts are not ${n} rows`)
    const matrix = new ConfusionMatrix({ classes: n, ignoreIndex })
    for (const [t, row] of counts.entries()) readRow(row, t, matrix.counts.subarray(t * n, (t + 1) * n))
    if (!Array.isArray(missed) || missed.length !== n || !missed.every(isCount))
      throw damagedState(FORMAT, `missed are not ${n} counts`)
    matrix.missed.set(missed)
    return matrix
  }

  compute(): SegmentationScores {
    const n = this.classes
    const rowSum = [...this.missed]
    const columnSum = new Array<number>(n).fill(0)
    for (let t = 0; t < n; t++)
      for (let p = 0; p < n; p++) {
        const count = this.counts[t * n + p]!
        rowSum[t]! += count
        columnSum[p]! += count
      }
    const pixels = sum(rowSum)
    const classes = rowSum.map((truth, c) => {
      const tp = this.counts[c * n + c]!
      const [fp, fn] = [columnSum[c]! - tp, truth - tp]
      return classScores({ tp, fp, fn, tn: pixels - tp - fp - fn })
    })
    const ious = classes.map(({ iou }) => iou)
    const accuracy = sum(classes.map(({ tp }) => tp)) / pixels
    const share = {
      truth: rowSum.map((row) => row / pixels),
      // What is predicted as no class is one more column, without a row.
      predicted: [...columnSum, sum([...this.missed])].map((column) => column / pixels),
    }
    const chance = sum(share.truth.map((truth, c) => truth * share.predicted[c]!))
    const spread = (shares: readonly number[]): number => 1 - sum(shares.map((part) => part ** 2))
    return {
      classes,
      meanIou: nanMean(ious),
      seen: ious.filter((iou) => !Number.isNaN(iou)).length,
      meanDice: nanMean(classes.map(({ dice }) => dice)),
      accuracy,
      meanClassAccuracy: nanMean(classes.map(({ recall }) => recall)),
      frequencyWeightedIou:
        pixels === 0 ? Number.NaN : sum(ious.map((iou, c) => (rowSum[c]! > 0 ? share.truth[c]! * iou : 0))),
      kappa: (accuracy - chance) / (1 - chance),
      matthewsCorrelation: (accuracy - chance) / Math.sqrt(spread(share.truth) * spread(share.predicted)),
      pixels,
    }
  }
}

/** Passes over zeros, most of a large matrix, so that memory that nothing was written to is not used up. */
function add(to: Float64Array, from: ArrayLike<number>): void {
  for (let i = 0; i < to.length; i++) {
    const count = from[i]!
    if (count !== 0) to[i]! += count
  }
}

/** Reads a row of a state into counts that are all 0. */
function readRow(row: unknown, t: number, into: Float64Array): void {
  const n = into.length
  const isObject = typeof row === 'object' && row !== null
  if (!isObject || (Array.isArray(row) && row.length !== n))
    throw damagedState(FORMAT, `row ${t} is neither a list of ${n} counts nor an object of them`)
  for (const [p, count] of Object.entries(row)) {
    if (!/^\d+$/.test(p) || Number(p) >= n || !isCount(count))
      throw damagedState(FORMAT, `row ${t}, column ${p} is ${JSON.stringify(count)}, not a count`)
    into[Number(p)] = count
  }
}

const optionsOf = ({ classes, ignoreIndex }: ConfusionMatrix): object => ({ classes, ignoreIndex })
