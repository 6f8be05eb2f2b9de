import { InverseFormError } from '@inverseform/errors'
import { ExactSum } from './exact-sum.js'
import { allowedIds, badId, type ClassOptions, checkSizes, of, resolveClasses } from './ids.js'
import type { Metric, SegmentedImage } from './metric.js'
import {
  damagedState,
  expectClasses,
  expectSameOptions,
  expectState,
  isCount,
  readSum,
  type StateHeader,
} from './state.js'

const FORMAT = 'inverseform.calibration-error'

/** An image with the probability that its network gave to the class it predicts. */
export interface ConfidentImage extends SegmentedImage {
  /** width · height probabilities in 0..1 of the predicted class, such as the largest softmax output. */
  readonly confidence: Float32Array
}

export interface CalibrationOptions extends ClassOptions {
  /** Number of equally wide bins of confidence, 1..10000. Default 15. */
  readonly bins?: number
}

/** What a {@link CalibrationError} is on disk and between processes. */
export interface CalibrationState extends StateHeader {
  readonly format: typeof FORMAT
  readonly version: 1
  /** Number of classes n. */
  readonly classes: number
  readonly ignoreIndex: number | null
  readonly bins: readonly {
    readonly count: number
    readonly correct: number
    /** Doubles whose exact sum is the sum of the confidences. */
    readonly confidence: readonly number[]
  }[]
}

type BinState = CalibrationState['bins'][number]

/** One bar of a reliability diagram. */
export interface ReliabilityBin {
  /** The bin's confidences are above this (0 itself is in the first bin) … */
  readonly low: number
  /** … and at most this. */
  readonly high: number
  /** Number of pixels in the bin. */
  readonly count: number
  /** Share of them that are predicted right; NaN in an empty bin. */
  readonly accuracy: number
  /** Their mean confidence; NaN in an empty bin. */
  readonly confidence: number
}

/** What {@link CalibrationError.compute} returns: fractions in 0..1, NaN where no pixel was counted. */
export interface CalibrationScores {
  /** Expected calibration error: the mean over pixels of their bin's |accuracy - mean confidence|. */
  readonly ece: number
  /** Maximum calibration error: the largest |accuracy - mean confidence| of a bin with pixels. */
  readonly mce: number
  /** Share of the pixels that are predicted right. */
  readonly accuracy: number
  /** Mean confidence of all pixels; above the accuracy where the network is overconfident. */
  readonly confidence: number
  /** By confidence, empty ones too. */
  readonly bins: readonly ReliabilityBin[]
  /** Number of pixels counted. */
  readonly pixels: number
}

// A float32 of 2^-8 or more is a multiple of 2^-31, and a sum of fewer than 2^22 such numbers up to 1 fits a double.
const FINE = 2 ** 31
const EXACT_PIXELS = 2 ** 21

/**
 * How far a network's confidences are from the share of its predictions that are right, over bins of confidence.
 * Bin b of B holds the confidences above b / B and up to (b + 1) / B; 0 is in the first.
 * Source: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017, equations 3 and 5.
 */
export class CalibrationError implements Metric<ConfidentImage, CalibrationState, CalibrationScores> {
  /** Number of classes n. */
  readonly classes: number
  readonly ignoreIndex: number | null
  /** Number of bins. */
  readonly bins: number
  readonly #count: Float64Array
  readonly #correct: Float64Array
  readonly #confidence: ExactSum[]

  /** @throws InverseFormError `invalid-argument` for classes, an ignore index or a number of bins that cannot be. */
  constructor({ bins = 15, ...options }: CalibrationOptions = {}) {
    const { classes, ignoreIndex } = resolveClasses(options)
    if (!Number.isInteger(bins) || bins < 1 || bins > 10_000)
      throw new InverseFormError('invalid-argument', `There cannot be ${bins} bins of confidence.`, {
        hint: 'Pass a whole number of bins from 1 to 10000, such as 15.',
      })
    this.classes = classes
    this.ignoreIndex = ignoreIndex
    this.bins = bins
    this.#count = new Float64Array(bins)
    this.#correct = new Float64Array(bins)
    this.#confidence = Array.from({ length: bins }, () => new ExactSum())
  }

  /**
   * Adds an image.
   * @throws InverseFormError `size-mismatch` when the arrays differ in size; `invalid-argument` for an id that is no
   *   class (as with `ConfusionMatrix`) or a counted pixel's confidence outside 0..1. Neither changes the state.
   */
  update(image: ConfidentImage): void {
    this.#check(image)
    const { truth, prediction, confidence } = image
    const { ignoreIndex, bins } = this
    const [count, correct, sums] = [new Uint32Array(bins), new Uint32Array(bins), new Float64Array(bins)]
    for (let start = 0; start < truth.length; start += EXACT_PIXELS) {
      sums.fill(0)
      const end = Math.min(truth.length, start + EXACT_PIXELS)
      for (let i = start; i < end; i++) {
        const t = truth[i]!
        if (t === ignoreIndex) continue
        const c = confidence[i]!
        const bin = Math.max(0, Math.ceil(c * bins) - 1)
        count[bin]!++
        if (t === prediction[i]) correct[bin]!++
        const coarse = Math.floor(c * FINE) / FINE
        sums[bin]! += coarse
        if (coarse !== c) this.#confidence[bin]!.add(c - coarse)
      }
      for (let bin = 0; bin < bins; bin++) this.#confidence[bin]!.add(sums[bin]!)
    }
    for (let bin = 0; bin < bins; bin++) {
      this.#count[bin]! += count[bin]!
      this.#correct[bin]! += correct[bin]!
    }
  }

  /** @throws InverseFormError `invalid-argument` when the options differ. */
  expectMergeable(other: CalibrationError): void {
    expectSameOptions('calibration error', optionsOf(this), optionsOf(other))
  }

  /** @throws as {@link expectMergeable} does, and is then as before */
  merge(other: CalibrationError): void {
    this.expectMergeable(other)
    for (let bin = 0; bin < this.bins; bin++) {
      this.#count[bin]! += other.#count[bin]!
      this.#correct[bin]! += other.#correct[bin]!
      this.#confidence[bin]!.merge(other.#confidence[bin]!)
    }
  }

  toJSON(): CalibrationState {
    const { classes, ignoreIndex } = this
    const bins = this.#confidence.map((confidence, bin) => ({
      count: this.#count[bin]!,
      correct: this.#correct[bin]!,
      confidence: confidence.toJSON(),
    }))
    return { format: FORMAT, version: 1, classes, ignoreIndex, bins }
  }

  /** @throws InverseFormError `unreadable` when `json` is not what {@link toJSON} returns. */
  static fromJSON(json: unknown): CalibrationError {
    const { bins, ...state } = expectState<CalibrationState>(json, FORMAT, 1)
    const options = expectClasses(state, FORMAT)
    if (!Array.isArray(bins) || bins.length === 0 || bins.length > 10_000)
      throw damagedState(FORMAT, 'it has no list of bins')
    const error = new CalibrationError({ ...options, bins: bins.length })
    for (const [bin, value] of bins.entries()) {
      const { count, correct, confidence } = (value ?? {}) as Partial<BinState>
      if (!isCount(count) || !isCount(correct) || correct > count)
        throw damagedState(FORMAT, `bin ${bin} has ${correct} right of ${count} pixels`)
      error.#count[bin] = count
      error.#correct[bin] = correct
      error.#confidence[bin] = readSum(FORMAT, `the confidence of bin ${bin}`, confidence, count)
    }
    return error
  }

  compute(): CalibrationScores {
    const sums = this.#confidence.map(({ value }) => value)
    const bins = sums.map((confidence, bin): ReliabilityBin => {
      const count = this.#count[bin]!
      return {
        low: bin / this.bins,
        high: (bin + 1) / this.bins,
        count,
        accuracy: this.#correct[bin]! / count,
        confidence: confidence / count,
      }
    })
    const pixels = sum(this.#count)
    const filled = bins.filter(({ count }) => count > 0)
    const gaps = filled.map(({ accuracy, confidence }) => Math.abs(accuracy - confidence))
    return {
      ece: sum(gaps.map((gap, i) => filled[i]!.count * gap)) / pixels,
      mce: pixels === 0 ? Number.NaN : Math.max(...gaps),
      accuracy: sum(this.#correct) / pixels,
      confidence: sum(sums) / pixels,
      bins,
      pixels,
    }
  }

  /** Before anything is counted, so that an error leaves the state as it was. */
  #check(image: ConfidentImage): void {
    checkSizes(image)
    const { truth, prediction, confidence, width, name } = image
    const { classes: n, ignoreIndex } = this
    if (confidence.length !== truth.length)
      throw new InverseFormError(
        'size-mismatch',
        `${of(name)}has ${truth.length} pixels and ${confidence.length} confidences.`,
        { hint: 'Give one confidence a pixel, that of the predicted class.' },
      )
    for (let i = 0; i < truth.length; i++) {
      const t = truth[i]!
      if (t === ignoreIndex) continue
      if (t >>> 0 >= n) throw badId('truth', i, image, allowedIds('truth', this))
      const p = prediction[i]!
      if (p >>> 0 >= n && p !== ignoreIndex)
        throw badId('prediction', i, image, allowedIds('prediction', this))
      const c = confidence[i]!
      if (!(c >= 0 && c <= 1)) {
        const [x, y] = [i % width, Math.floor(i / width)]
        throw new InverseFormError(
          'invalid-argument',
          `${of(name)}has the confidence ${c} at column ${x}, row ${y}.`,
          {
            hint: 'Pass probabilities from 0 to 1, after the softmax, not logits or percent.',
            details: { name, confidence: c, x, y },
          },
        )
      }
    }
  }
}

const optionsOf = ({ classes, ignoreIndex, bins }: CalibrationError): object => ({
  classes,
  ignoreIndex,
  bins,
})
const sum = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((total, value) => total + value, 0)
