import { checkArgument, checkInteger, checkLength, InverseFormError, typeName } from '@inverseform/errors'
import { sum } from '@inverseform/shared'
import { checkImage, invalidPixel, subject } from './check-image.js'
import type { Metric, SegmentedImage } from './metric.js'
import { type MetricOptions, resolveMetricOptions } from './options.js'
import { checkSameMetric, declareState, type StateHeader, type StateOf } from './state/declare-state.js'
import { count, damage, exactSum, listOf, record } from './state/fields.js'

/** An image with the probability that the network assigns to each predicted class. */
export interface ConfidentImage extends SegmentedImage {
  /** width · height probabilities in 0..1 of the predicted class, such as the largest softmax output. */
  readonly confidence: Float32Array
}

export interface CalibrationOptions extends MetricOptions {
  /** Number of confidence bins of equal width, 1..10000. Default 15. */
  readonly bins?: number
}

/** The state of a {@link Calibration} as JSON. */
export interface CalibrationState extends StateHeader {
  readonly format: 'inverseform.calibration-error'
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

/** One bar of a reliability diagram. */
export interface ReliabilityBin {
  /** Confidences in the bin are above this value; the first bin includes 0. */
  readonly low: number
  /** Confidences in the bin are at most this value. */
  readonly high: number
  /** Number of pixels in the bin. */
  readonly count: number
  /** Fraction of the bin's pixels that are predicted correctly; NaN in an empty bin. */
  readonly accuracy: number
  /** Mean confidence of the bin's pixels; NaN in an empty bin. */
  readonly confidence: number
}

/** What {@link Calibration.compute} returns: fractions in 0..1, NaN if no pixel was counted. */
export interface CalibrationScores {
  /** Expected calibration error: the mean over pixels of |accuracy - mean confidence| of their bin. */
  readonly ece: number
  /** Maximum calibration error: the largest |accuracy - mean confidence| over the bins with pixels. */
  readonly mce: number
  /** Fraction of the pixels that are predicted correctly. */
  readonly accuracy: number
  /** Mean confidence of all pixels; above the accuracy if the network is overconfident. */
  readonly confidence: number
  /** In order of confidence, including empty bins. */
  readonly bins: readonly ReliabilityBin[]
  /** Number of pixels counted. */
  readonly pixels: number
}

// A float32 of 2^-8 or more is a multiple of 2^-31, and a sum of fewer than 2^22 such numbers up to 1 fits a double.
const FINE = 2 ** 31
const EXACT_PIXELS = 2 ** 21

function resolveOptions({
  bins = 15,
  ...options
}: CalibrationOptions): Readonly<Required<CalibrationOptions>> {
  checkInteger('bins', bins, { min: 1, max: 10_000 })
  return { ...resolveMetricOptions(options), bins }
}

const declaration = declareState({
  name: 'calibration error',
  format: 'inverseform.calibration-error',
  version: 1,
  resolve: resolveOptions,
  stored: ['numClasses', 'ignoreIndex'],
  inferred({ bins }) {
    if (!Array.isArray(bins)) throw damage('bins is not a list')
    return { bins: bins.length }
  },
  fields: ({ bins }) => ({
    bins: listOf(bins, record({ count: count(), correct: count('count'), confidence: exactSum('count') })),
  }),
})

/**
 * How far a network's confidences are from its accuracy, over bins of confidence.
 * Bin b of B holds the confidences above b / B and up to (b + 1) / B; 0 is in the first bin.
 * Source: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017, equations 3 and 5.
 */
export class Calibration implements Metric<ConfidentImage, CalibrationState, CalibrationScores> {
  /** Number of classes n. */
  readonly numClasses: number
  readonly ignoreIndex: number | null
  /** Number of bins. */
  readonly bins: number
  readonly #state: StateOf<typeof declaration>

  /** @throws InverseFormError `invalid-argument` for invalid options */
  constructor(options: CalibrationOptions = {}) {
    this.#state = declaration.create(options)
    const { numClasses, ignoreIndex, bins } = this.#state.options
    this.numClasses = numClasses
    this.ignoreIndex = ignoreIndex
    this.bins = bins
  }

  /**
   * Adds an image.
   * @throws InverseFormError `size-mismatch` if the arrays differ in size; `invalid-argument` for an invalid id (as in
   *   `ConfusionMatrix`) or a counted pixel's confidence outside 0..1. The state is then unchanged.
   */
  update(image: ConfidentImage): void {
    this.#check(image)
    const { target, prediction, confidence } = image
    const { ignoreIndex, bins } = this
    const totals = this.#state.values.bins
    const exact = totals.map((bin) => bin.confidence)
    const [count, correct, sums] = [new Uint32Array(bins), new Uint32Array(bins), new Float64Array(bins)]
    for (let start = 0; start < target.length; start += EXACT_PIXELS) {
      sums.fill(0)
      const end = Math.min(target.length, start + EXACT_PIXELS)
      for (let i = start; i < end; i++) {
        const t = target[i]
        if (t === ignoreIndex) continue
        const c = confidence[i]
        const bin = Math.max(0, Math.ceil(c * bins) - 1)
        count[bin]++
        if (t === prediction[i]) correct[bin]++
        const coarse = Math.floor(c * FINE) / FINE
        sums[bin] += coarse
        if (coarse !== c) exact[bin].add(c - coarse)
      }
      exact.forEach((sum, bin) => {
        sum.add(sums[bin])
      })
    }
    totals.forEach((total, bin) => {
      total.count += count[bin]
      total.correct += correct[bin]
    })
  }

  /** @throws InverseFormError `invalid-argument` if the options differ */
  checkMergeable(other: Calibration): void {
    checkSameMetric('Calibration', other, (value) => #state in value)
    this.#state.checkMergeable(other.#state)
  }

  /** @throws InverseFormError as {@link checkMergeable}; the state is then unchanged */
  merge(other: Calibration): void {
    this.checkMergeable(other)
    this.#state.merge(other.#state)
  }

  toJSON(): CalibrationState {
    return this.#state.toJSON()
  }

  /** @throws InverseFormError `unreadable` unless `json` is what {@link toJSON} returns */
  static fromJSON(json: unknown): Calibration {
    const state = declaration.read(json)
    const calibration = new Calibration(state.options)
    calibration.#state.merge(state)
    return calibration
  }

  compute(): CalibrationScores {
    const totals = this.#state.values.bins
    const bins = totals.map(
      ({ count, correct, confidence }, bin): ReliabilityBin => ({
        low: bin / this.bins,
        high: (bin + 1) / this.bins,
        count,
        accuracy: correct / count,
        confidence: confidence.value / count,
      }),
    )
    const pixels = sum(totals.map(({ count }) => count))
    const filled = bins.filter(({ count }) => count > 0)
    const gaps = filled.map(({ accuracy, confidence }) => Math.abs(accuracy - confidence))
    return {
      ece: sum(gaps.map((gap, i) => filled[i].count * gap)) / pixels,
      mce: pixels === 0 ? Number.NaN : Math.max(...gaps),
      accuracy: sum(totals.map(({ correct }) => correct)) / pixels,
      confidence: sum(totals.map(({ confidence }) => confidence.value)) / pixels,
      bins,
      pixels,
    }
  }

  /** Checks all pixels before any is counted, so that an error leaves the state unchanged. */
  #check(image: ConfidentImage): void {
    checkImage(image)
    const { target, prediction, confidence, width, name } = image
    const { numClasses, ignoreIndex } = this
    checkArgument(
      'confidence',
      confidence,
      ['Float32Array', 'Float64Array'].includes(typeName(confidence)),
      'a Float32Array',
      { hint: 'Pass the probability of the predicted class for each pixel.', details: { name } },
    )
    checkLength('confidence', confidence.length, target.length, 'one per pixel', {
      hint: 'Pass the confidence of the predicted class.',
      details: { name },
    })
    for (let i = 0; i < target.length; i++) {
      const t = target[i]
      if (t === ignoreIndex) continue
      const p = prediction[i]
      if (t >>> 0 >= numClasses || (p >>> 0 >= numClasses && p !== ignoreIndex)) {
        throw invalidPixel(i, image, this)
      }
      const c = confidence[i]
      if (!(c >= 0 && c <= 1)) {
        const [x, y] = [i % width, Math.floor(i / width)]
        throw new InverseFormError(
          'invalid-argument',
          `${subject(name)} has the confidence ${c} at column ${x}, row ${y}; allowed are 0 to 1.`,
          {
            hint: 'Pass probabilities after the softmax, not logits or percentages.',
            details: { name, confidence: c, x, y },
          },
        )
      }
    }
  }
}
