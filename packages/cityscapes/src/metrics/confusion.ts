import { checkArgument, formatValue } from '@inverseform/errors'
import { nanMean, sum } from '@inverseform/shared'
import { checkImage, invalidPixel } from './check-image.js'
import { type ClassScores, classScores } from './class-scores.js'
import { countPairs } from './count-pairs.js'
import type { Metric, SegmentedImage } from './metric.js'
import { type CountOptions, resolveCountOptions } from './options.js'
import { checkSameMetric, declareState, type StateHeader, type StateOf } from './state/declare-state.js'
import {
  addCounts,
  checkTotal,
  checkTotals,
  counts,
  damage,
  type Field,
  isCount,
  mergeCounts,
} from './state/fields.js'
import { voidFields, voidOptions } from './state/void-index.js'
import { idWarnings, maskWarning, type ScoreWarning } from './warnings.js'

/** The most classes for which JSON lists whole rows. With more classes, nearly all counts are 0. */
const MOST_LISTED = 256

/** The state of a {@link ConfusionMatrix} as JSON. */
export interface ConfusionMatrixState extends StateHeader {
  readonly format: 'inverseform.confusion-matrix'
  readonly version: 1
  /** Number of classes n. */
  readonly classes: number
  readonly ignoreIndex: number | null
  /**
   * n rows, one per target class. A row is a list of n counts, one per predicted class. With more than 256 classes it is an
   * object that holds the counts above 0 under the predicted class.
   */
  readonly counts: readonly Row[]
  /** For each class, its pixels predicted as the ignore index. */
  readonly missed: readonly number[]
  /** The option, if there is one. */
  readonly voidIndex?: number
  /** With `voidIndex`, for each class the pixels predicted as it whose target is no class. */
  readonly spurious?: readonly number[]
}

type Row = readonly number[] | Readonly<Record<number, number>>

/** What {@link ConfusionMatrix.compute} returns: fractions in 0..1, NaN where the denominator is 0. */
export interface SegmentationScores {
  readonly classes: readonly ClassScores[]
  /** Mean of the classes' IoU over the classes seen: those in the target or the prediction. */
  readonly meanIou: number
  /** Number of classes that {@link meanIou} averages. */
  readonly seen: number
  /** Mean of the classes' Dice coefficient over the classes seen. */
  readonly meanDice: number
  /** Overall pixel accuracy: sum of the diagonal / sum of all. */
  readonly accuracy: number
  /** Mean of the classes' recall over the classes in the target. */
  readonly meanClassAccuracy: number
  /**
   * Frequency-weighted IoU: the sum of frequency · IoU over the classes in the target. A class's frequency is its share of
   * the target's pixels. The name is from FCN (Long, Shelhamer and Darrell, CVPR 2015, section 5). Code derived from
   * FCN's, such as HMS and InverseForm, prints it as `fwavacc`, "frequency-weighted accuracy".
   */
  readonly frequencyWeightedIou: number
  /**
   * Cohen's kappa (Educational and Psychological Measurement 1960): (a - e) / (1 - e), at most 1. a is the accuracy, e the
   * accuracy of a prediction that is independent of the target. NaN if target and prediction are all the same class.
   */
  readonly kappa: number
  /**
   * Matthews correlation coefficient for several classes (Gorodkin, Computational Biology and Chemistry 2004), -1..1.
   * NaN if the target or the prediction has a single class.
   */
  readonly matthewsCorrelation: number
  /** Number of pixels counted, each of a class. */
  readonly pixels: number
  /** Why these scores say little; empty if there is no reason known. Show them beside the scores. */
  readonly warnings: readonly ScoreWarning[]
}

const declaration = declareState({
  name: 'confusion matrix',
  format: 'inverseform.confusion-matrix',
  version: 1,
  resolve: resolveCountOptions,
  stored: ['numClasses', 'ignoreIndex'],
  inferred: voidOptions,
  fields: (options) => ({
    counts: squareMatrix(options.numClasses),
    missed: counts(options.numClasses),
    ...voidFields(options, { spurious: counts(options.numClasses) }),
  }),
})

/**
 * Counts of (target, prediction) pairs over any number of images. Rows are targets, columns predictions.
 * Pixels whose target is the ignore index are not counted, whatever their prediction. A counted pixel that is predicted as
 * the ignore index is in no column.
 */
export class ConfusionMatrix implements Metric<SegmentedImage, ConfusionMatrixState, SegmentationScores> {
  /** Number of classes n. */
  readonly numClasses: number
  readonly ignoreIndex: number | null
  /** n · n counts, row by row. */
  readonly counts: Float64Array
  /** For each class, its pixels predicted as the ignore index: misses that are no other class's false positives. */
  readonly missed: Float64Array
  /** For each class, the pixels predicted as it whose target is `voidIndex`: false positives without a true class. */
  readonly spurious: Float64Array
  readonly voidIndex: number | null
  readonly #state: StateOf<typeof declaration>
  /** Pixels with the ignore index as target. NaN if unknown: states do not hold it. */
  #ignored = 0
  // Integer increments are several times faster than those of doubles; one image cannot overflow 32 bits.
  readonly #image: Uint32Array
  readonly #missedInImage: Uint32Array
  // The last entry counts void pixels that are predicted as no class.
  readonly #spuriousInImage: Uint32Array

  /** @throws InverseFormError `invalid-argument` for invalid options */
  constructor(options: CountOptions = {}) {
    this.#state = declaration.create(options)
    const { numClasses, ignoreIndex, voidIndex } = this.#state.options
    this.numClasses = numClasses
    this.ignoreIndex = ignoreIndex
    this.counts = this.#state.values.counts
    this.voidIndex = voidIndex ?? null
    this.missed = this.#state.values.missed
    this.spurious = this.#state.values.spurious ?? new Float64Array(numClasses)
    this.#image = new Uint32Array(numClasses * numClasses)
    this.#missedInImage = new Uint32Array(numClasses)
    this.#spuriousInImage = new Uint32Array(numClasses + 1)
  }

  /** Number of pixels whose target is the ignore index; NaN after merging a state that was read, which does not hold it. */
  get ignored(): number {
    return this.#ignored
  }

  /**
   * Adds an image, or any part of one.
   * @throws InverseFormError `size-mismatch` if target and prediction differ in size; `invalid-argument` for a target id,
   *   or a counted pixel's predicted id, that is neither in 0..n-1 nor the ignore index. The matrix is then unchanged.
   */
  update(image: SegmentedImage): void {
    checkImage(image)
    const counts = this.#image.fill(0)
    const missed = this.#missedInImage.fill(0)
    const spurious = this.#spuriousInImage.fill(0)
    const invalid = countPairs(image, this.#state.options, counts, missed, spurious)
    if (invalid >= 0) throw invalidPixel(invalid, image, this)
    const counted =
      addCounts(this.counts, counts) + addCounts(this.missed, missed) + addCounts(this.spurious, spurious)
    this.#ignored += image.target.length - counted - spurious[this.numClasses]
  }

  /** @throws InverseFormError `invalid-argument` unless `other` is one with the same options */
  checkMergeable(other: ConfusionMatrix): void {
    checkSameMetric('ConfusionMatrix', other, (value) => #state in value)
    this.#state.checkMergeable(other.#state)
  }

  /** @throws InverseFormError as {@link checkMergeable}; the matrix is then unchanged */
  merge(other: ConfusionMatrix): void {
    this.checkMergeable(other)
    this.#state.merge(other.#state)
    this.#ignored += other.#ignored
  }

  /** Returns the matrix as n rows of n counts. */
  rows(): number[][] {
    return rowsOf(this.counts, this.numClasses)
  }

  toJSON(): ConfusionMatrixState {
    return this.#state.toJSON()
  }

  /** @throws InverseFormError `unreadable` unless `json` is what {@link toJSON} returns */
  static fromJSON(json: unknown): ConfusionMatrix {
    const state = declaration.read(json)
    const matrix = new ConfusionMatrix(state.options)
    matrix.#state.merge(state)
    matrix.#ignored = ignoredOf(json as { readonly ignored?: unknown })
    return matrix
  }

  compute(): SegmentationScores {
    const n = this.numClasses
    const rowSum = [...this.missed]
    const columnSum = new Array<number>(n).fill(0)
    for (let t = 0; t < n; t++) {
      for (let p = 0; p < n; p++) {
        const count = this.counts[t * n + p]
        rowSum[t] += count
        columnSum[p] += count
      }
    }
    const pixels = sum(rowSum)
    const all = pixels + sum(this.spurious)
    const classes = rowSum.map((pixelsOfClass, c) => {
      const tp = this.counts[c * n + c]
      const [fp, fn] = [columnSum[c] + this.spurious[c] - tp, pixelsOfClass - tp]
      return classScores({ tp, fp, fn, tn: all - tp - fp - fn })
    })
    const ious = classes.map(({ iou }) => iou)
    const accuracy = sum(classes.map(({ tp }) => tp)) / pixels
    const share = {
      target: rowSum.map((row) => row / pixels),
      // Pixels predicted as no class are one more column, without a row.
      predicted: [...columnSum, sum(this.missed)].map((column) => column / pixels),
    }
    const chance = sum(share.target.map((part, c) => part * share.predicted[c]))
    const spread = (shares: readonly number[]): number => 1 - sum(shares.map((part) => part ** 2))
    return {
      classes,
      meanIou: nanMean(ious),
      seen: ious.filter((iou) => !Number.isNaN(iou)).length,
      meanDice: nanMean(classes.map(({ dice }) => dice)),
      accuracy,
      meanClassAccuracy: nanMean(classes.map(({ recall }) => recall)),
      frequencyWeightedIou:
        pixels === 0 ? Number.NaN : sum(ious.map((iou, c) => (rowSum[c] > 0 ? share.target[c] * iou : 0))),
      kappa: (accuracy - chance) / (1 - chance),
      matthewsCorrelation: (accuracy - chance) / Math.sqrt(spread(share.target) * spread(share.predicted)),
      pixels,
      warnings: this.#warnings(rowSum, columnSum, pixels),
    }
  }

  #warnings(rowSum: readonly number[], columnSum: readonly number[], scored: number): ScoreWarning[] {
    const { ignoreIndex, voidIndex } = this
    const present = (sums: readonly number[]): number[] => [...sums.keys()].filter((c) => sums[c] > 0)
    const missed = sum(this.missed)
    const ignored = this.#ignored
    if (ignoreIndex !== null) {
      const [targets, predictions] = [present(rowSum), present(columnSum)]
      const mask = maskWarning({ scored, ignored, ignoreIndex, missed, targets, predictions })
      if (mask !== undefined) return [mask]
    }
    return idWarnings({
      scored,
      ignored,
      ignoredAs: String(ignoreIndex),
      unknown: new Map([[voidIndex ?? ignoreIndex ?? Number.NaN, missed]]),
      idsAre: 'ids',
    })
  }
}

/** Reads what `metricsToJSON` adds to the state, so that threads do not lose it. */
function ignoredOf({ ignored }: { readonly ignored?: unknown }): number {
  if (ignored === undefined) return Number.NaN
  if (isCount(ignored)) return ignored
  throw damage(`The state of inverseform.confusion-matrix is damaged: ignored is ${formatValue(ignored)}.`)
}

/**
 * Checks that an argument is a matrix; JSON is not. A matrix of another copy of this package is one.
 * @throws InverseFormError `invalid-argument`
 */
export function checkMatrix(name: string, matrix: unknown): void {
  const { counts, rows, compute } = (matrix ?? {}) as Partial<ConfusionMatrix>
  const isMatrix = ArrayBuffer.isView(counts) && typeof rows === 'function' && typeof compute === 'function'
  checkArgument(name, matrix, isMatrix, 'a ConfusionMatrix', {
    hint: 'Restore JSON with ConfusionMatrix.fromJSON() first.',
  })
}

/** n · n counts, row by row, which JSON holds as n rows. */
function squareMatrix(n: number): Field<Float64Array, readonly Row[]> {
  return {
    create: () => new Float64Array(n * n),
    checkMergeable: checkTotals,
    merge: mergeCounts,
    write: (values) => (n > MOST_LISTED ? sparseRows(values, n) : rowsOf(values, n)),
    read(json, path) {
      if (!Array.isArray(json) || json.length !== n) {
        throw damage(`${path} is ${formatValue(json)}, not a list of ${n} rows`)
      }
      const values = new Float64Array(n * n)
      for (let t = 0; t < n; t++) readRow(json[t], `${path}[${t}]`, values.subarray(t * n, (t + 1) * n))
      checkTotal(values, path)
      return values
    },
  }
}

function rowsOf(values: Float64Array, n: number): number[][] {
  return Array.from({ length: n }, (_, t) => [...values.subarray(t * n, (t + 1) * n)])
}

function sparseRows(values: Float64Array, n: number): Record<number, number>[] {
  return Array.from({ length: n }, (_, t) => {
    const row: Record<number, number> = {}
    for (let p = 0; p < n; p++) {
      const count = values[t * n + p]
      if (count > 0) row[p] = count
    }
    return row
  })
}

/** Reads a row into counts that are all 0. */
function readRow(row: unknown, path: string, into: Float64Array): void {
  const n = into.length
  const isObject = typeof row === 'object' && row !== null
  if (!isObject || (Array.isArray(row) && row.length !== n)) {
    throw damage(`${path} is ${formatValue(row)}, neither a list of ${n} counts nor an object of counts`)
  }
  for (const [p, count] of Object.entries(row)) {
    if (!/^\d+$/.test(p) || Number(p) >= n || !isCount(count)) {
      throw damage(`${path}[${p}] is ${formatValue(count)}, not the count of one of ${n} classes`)
    }
    into[Number(p)] = count
  }
}
