import { InverseFormError } from '@inverseform/errors'
import type { Metric } from './metric.js'

/** Train ids, one a pixel, in any integer array. */
export type IdArray = Uint8Array | Uint16Array | Uint32Array | Int8Array | Int16Array | Int32Array

/** What a confusion matrix is on disk and between processes. */
export interface ConfusionMatrixJson {
  readonly format: 'inverseform.confusion-matrix'
  readonly version: 1
  /** Number of classes n. */
  readonly classes: number
  /** n rows (truth) of n counts (prediction). */
  readonly counts: readonly (readonly number[])[]
}

/** One class's scores: pixels, and fractions in 0..1 that are NaN where they would divide by 0. */
export interface ClassScores {
  /** Pixels of this class predicted as it. */
  readonly tp: number
  /** Pixels of other classes predicted as this one: column sum - diagonal. */
  readonly fp: number
  /** Pixels of this class predicted as another: row sum - diagonal. */
  readonly fn: number
  /** tp / (tp + fp + fn). NaN for a class neither in the truth nor predicted. */
  readonly iou: number
  /** tp / (tp + fp). */
  readonly precision: number
  /** tp / (tp + fn), the class's accuracy. */
  readonly recall: number
}

/** What {@link ConfusionMatrix.compute} returns: fractions in 0..1, NaN where there is nothing to divide by. */
export interface SegmentationScores {
  readonly classes: readonly ClassScores[]
  /** Mean of the classes' IoU, over the classes seen: those in the truth or predicted. */
  readonly meanIou: number
  /** Number of classes that {@link meanIou} is over. */
  readonly seen: number
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
  /** Number of pixels counted. */
  readonly pixels: number
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const mean = (values: readonly number[]): number => sum(values) / values.length
const isNumber = (value: number): boolean => !Number.isNaN(value)

/**
 * Counts of (truth, prediction) pairs over any number of images: rows are truth, columns prediction.
 * Pixels whose truth is outside 0..n-1 (255 above all) are not counted.
 */
export class ConfusionMatrix
  implements Metric<[truth: IdArray, prediction: IdArray], ConfusionMatrixJson, SegmentationScores>
{
  /** Number of classes n. */
  readonly classes: number
  /** n · n counts, row by row. */
  readonly counts: Float64Array
  // Integer increments are several times faster than those of doubles; one image cannot overflow 32 bits.
  readonly #image: Uint32Array

  /** @throws InverseFormError `invalid-argument` unless `classes` is a whole number in 1..4096. */
  constructor(classes = 19) {
    if (!Number.isInteger(classes) || classes < 1 || classes > 4096)
      throw new InverseFormError('invalid-argument', `A confusion matrix cannot have ${classes} classes.`, {
        hint: 'Pass a whole number of classes from 1 to 4096 (19 for Cityscapes).',
      })
    this.classes = classes
    this.counts = new Float64Array(classes * classes)
    this.#image = new Uint32Array(classes * classes)
  }

  /**
   * Adds an image (or any part of one) of train ids.
   * @throws InverseFormError `size-mismatch` when the two differ in length; `invalid-argument` when a counted
   *   pixel's prediction is outside 0..n-1. Neither changes the matrix.
   */
  update(truth: IdArray, prediction: IdArray): void {
    if (truth.length !== prediction.length)
      throw new InverseFormError(
        'size-mismatch',
        `The truth has ${truth.length} pixels, the prediction ${prediction.length}.`,
        { hint: 'Resize the prediction to the size of the truth before comparing them.' },
      )
    const n = this.classes
    const image = this.#image.fill(0)
    for (let i = 0; i < truth.length; i++) {
      const t = truth[i]!
      // One unsigned comparison refuses what is negative as well as what is too large.
      if (t >>> 0 >= n) continue
      const p = prediction[i]!
      if (p >>> 0 >= n) throw badPrediction(p, i, n)
      image[t * n + p]!++
    }
    for (let i = 0; i < image.length; i++) this.counts[i]! += image[i]!
  }

  /** @throws InverseFormError `size-mismatch` when the numbers of classes differ. */
  merge(other: ConfusionMatrix): void {
    if (other.classes !== this.classes)
      throw new InverseFormError(
        'size-mismatch',
        `A confusion matrix of ${other.classes} classes cannot be added to one of ${this.classes}.`,
        { hint: 'Merge only results of the same label set.' },
      )
    for (let i = 0; i < this.counts.length; i++) this.counts[i]! += other.counts[i]!
  }

  /** The matrix as n rows of n counts. */
  rows(): number[][] {
    const n = this.classes
    return Array.from({ length: n }, (_, t) => [...this.counts.subarray(t * n, (t + 1) * n)])
  }

  toJSON(): ConfusionMatrixJson {
    return { format: 'inverseform.confusion-matrix', version: 1, classes: this.classes, counts: this.rows() }
  }

  /** @throws InverseFormError `unreadable` when `json` is not what {@link toJSON} returns. */
  static fromJSON(json: unknown): ConfusionMatrix {
    const { format, version, classes, counts } = (json ?? {}) as Partial<ConfusionMatrixJson>
    if (format !== 'inverseform.confusion-matrix' || version !== 1)
      throw new InverseFormError(
        'unreadable',
        `Not a confusion matrix of version 1: format ${JSON.stringify(format)}, version ${JSON.stringify(version)}.`,
        { hint: 'Pass what ConfusionMatrix.toJSON() returned, from this version of the package.' },
      )
    if (!Number.isInteger(classes)) throw damaged(`classes is ${JSON.stringify(classes)}, not a whole number`)
    const n = classes!
    if (!Array.isArray(counts) || counts.length !== n || counts.some((row) => row?.length !== n))
      throw damaged(`counts are not ${n} rows of ${n}`)
    const matrix = new ConfusionMatrix(n)
    for (const [i, count] of counts.flat().entries()) {
      if (!Number.isSafeInteger(count) || count < 0)
        throw damaged(`row ${Math.floor(i / n)}, column ${i % n} is ${JSON.stringify(count)}, not a count`)
      matrix.counts[i] = count
    }
    return matrix
  }

  compute(): SegmentationScores {
    const n = this.classes
    const rowSum = new Array<number>(n).fill(0)
    const columnSum = new Array<number>(n).fill(0)
    for (let t = 0; t < n; t++)
      for (let p = 0; p < n; p++) {
        const count = this.counts[t * n + p]!
        rowSum[t]! += count
        columnSum[p]! += count
      }
    const classes = rowSum.map((truth, c): ClassScores => {
      const tp = this.counts[c * n + c]!
      const fp = columnSum[c]! - tp
      const fn = truth - tp
      return { tp, fp, fn, iou: tp / (tp + fp + fn), precision: tp / (tp + fp), recall: tp / (tp + fn) }
    })
    const pixels = sum(rowSum)
    const ious = classes.map(({ iou }) => iou).filter(isNumber)
    return {
      classes,
      meanIou: mean(ious),
      seen: ious.length,
      accuracy: sum(classes.map(({ tp }) => tp)) / pixels,
      meanClassAccuracy: mean(classes.map(({ recall }) => recall).filter(isNumber)),
      frequencyWeightedIou:
        pixels === 0
          ? Number.NaN
          : sum(classes.map(({ iou }, c) => (rowSum[c]! > 0 ? rowSum[c]! * iou : 0))) / pixels,
      pixels,
    }
  }
}

function badPrediction(value: number, pixel: number, classes: number): InverseFormError {
  return new InverseFormError(
    'invalid-argument',
    `The prediction at pixel ${pixel} is ${value}, which is none of the ${classes} classes 0..${classes - 1}.`,
    {
      hint: 'Pass predictions as train ids; turn label ids into train ids with toTrainIds().',
      details: { pixel, value, classes },
    },
  )
}

function damaged(what: string): InverseFormError {
  return new InverseFormError('unreadable', `A damaged confusion matrix: ${what}.`, {
    hint: 'Write the results again; this file was cut short or edited.',
  })
}
