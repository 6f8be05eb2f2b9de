import { nanMean } from '@inverseform/shared'
import type { Metric, SegmentedImage } from '../metric.js'
import { type MetricOptions, resolveMetricOptions } from '../options.js'
import { checkSameMetric, declareState, type StateHeader, type StateOf } from '../state/declare-state.js'
import { addLength, count, counts, exactSums, lengths, listOf, record } from '../state/fields.js'
import { ClassMaps } from './class-maps.js'
import { NearestPixels } from './nearest-pixels.js'
import { checkNumbers, diagonal } from './options.js'
import { listBoundaries, PixelLists } from './outlines.js'

/** The tolerances of Gated-SCNN's evaluation (Takikawa et al., ICCV 2019): 2, 5, 9 and 12 pixels at 1024x2048. */
export const gatedScnnTolerances: readonly number[] = [0.0005, 0.001875, 0.00375, 0.005]

/** The tolerance of DAVIS's evaluation (Perazzi et al., CVPR 2016). */
export const davisTolerance = 0.008

export interface BoundaryFOptions extends MetricOptions {
  /**
   * How far apart two boundaries may be and still match: integers from 1 on are pixels, numbers between 0 and 1 are
   * fractions of the image's diagonal, rounded up to pixels. Default {@link gatedScnnTolerances}.
   */
  readonly tolerances?: readonly number[]
}

/** The part of a {@link BoundaryFState} for one tolerance. Lists have one entry per class. */
export interface BoundaryFToleranceState {
  /** The tolerance in pixels, ascending: several values if images differ in size. */
  readonly pixels: readonly number[]
  readonly matchedTruth: readonly number[]
  readonly matchedPrediction: readonly number[]
  /** Exact sums of the images' F, as doubles to add up. */
  readonly f: readonly (readonly number[])[]
}

/** The state of a {@link BoundaryF} as JSON. Lists have one entry per class. */
export interface BoundaryFState extends StateHeader {
  readonly format: 'inverseform.boundary-f'
  readonly version: 1
  readonly classes: number
  readonly ignoreIndex: number | null
  readonly tolerances: readonly number[]
  readonly images: number
  /** Images with the class in either map. */
  readonly classImages: readonly number[]
  /** Boundary pixels in the target. */
  readonly truth: readonly number[]
  /** Boundary pixels in the prediction. */
  readonly prediction: readonly number[]
  readonly perTolerance: readonly BoundaryFToleranceState[]
}

/** Fractions in 0..1, NaN for a class in no map. */
export interface BoundaryFClassScores {
  /** Number of images with the class in either map; {@link f} is the mean over these. */
  readonly images: number
  /** Mean of the images' F. */
  readonly f: number
  /** Mean over all images; an image without the class counts as 1, as in Gated-SCNN's evaluation. */
  readonly fAbsentAsPerfect: number
  /** Scores of the data set's boundary pixels together: large images and long boundaries weigh more. */
  readonly pooled: { readonly precision: number; readonly recall: number; readonly f: number }
}

export interface BoundaryFToleranceScores {
  /** The tolerance as passed: pixels, or a fraction of the diagonal. */
  readonly tolerance: number
  /** The tolerance in pixels, ascending: several values if images differ in size. */
  readonly pixels: readonly number[]
  /** Mean of `f` over the classes seen. */
  readonly meanF: number
  /** Mean of `fAbsentAsPerfect` over all classes. */
  readonly meanFAbsentAsPerfect: number
  /** Mean of `pooled.f` over the classes seen. */
  readonly pooledMeanF: number
  readonly classes: readonly BoundaryFClassScores[]
}

/** What {@link BoundaryF.compute} returns; scores are NaN without images. */
export interface BoundaryFScores {
  readonly images: number
  /** In the order of the option `tolerances`. */
  readonly tolerances: readonly BoundaryFToleranceScores[]
}

function resolveOptions({
  tolerances = gatedScnnTolerances,
  ...options
}: BoundaryFOptions): Readonly<Required<BoundaryFOptions>> {
  const isTolerance = (value: number): boolean =>
    (value > 0 && value < 1) || (value >= 1 && Number.isSafeInteger(value))
  return {
    ...resolveMetricOptions(options),
    tolerances: checkNumbers(
      'tolerances',
      tolerances,
      isTolerance,
      'integers from 1 on (pixels) or numbers between 0 and 1 (fractions of the diagonal)',
    ),
  }
}

const declaration = declareState({
  name: 'boundary F',
  format: 'inverseform.boundary-f',
  version: 1,
  resolve: resolveOptions,
  stored: ['numClasses', 'ignoreIndex', 'tolerances'],
  fields: ({ numClasses, tolerances }) => ({
    images: count(),
    classImages: counts(numClasses, 'images'),
    truth: counts(numClasses),
    prediction: counts(numClasses),
    perTolerance: listOf(
      tolerances.length,
      record({
        pixels: lengths(),
        matchedTruth: counts(numClasses, 'truth'),
        matchedPrediction: counts(numClasses, 'prediction'),
        f: exactSums(numClasses, 'classImages'),
      }),
    ),
  }),
})

/**
 * Boundary F-measure of each class. Precision is the fraction of a prediction's boundary pixels that have a boundary pixel
 * of the target within the tolerance; recall is the reverse. F = 2PR / (P + R), 0 if both are 0.
 *
 * Boundaries are those of seg2bmap: pixels whose 2x2 neighborhood, to the right and below, is partly of the class. The
 * frame is no boundary. Distances are Euclidean, between pixel centers: a boundary matches what a disk x² + y² <= r²
 * around its pixels covers. Void pixels are first removed from both maps. The border with void is therefore a boundary,
 * the same in both maps where both have the class there.
 *
 * An image whose maps both lack a class (outside void) does not count for that class. If only the target has a boundary,
 * precision is 1 and recall 0; if only the prediction has one, the reverse; F is 0 in both cases. If neither has one, both
 * are 1, as in DAVIS's code. This happens when a class fills both maps, and also when it fills one map and is missing from
 * the other: a map of one class against a target of another class has F 1. Read F together with an IoU.
 *
 * Sources: Perazzi et al., CVPR 2016 (`db_eval_boundary`, `f_measure` of DAVIS), Takikawa et al., ICCV 2019 (Gated-SCNN,
 * which removes void from both masks).
 */
export class BoundaryF implements Metric<SegmentedImage, BoundaryFState, BoundaryFScores> {
  readonly numClasses: number
  readonly ignoreIndex: number | null
  readonly tolerances: readonly number[]
  readonly #state: StateOf<typeof declaration>
  readonly #maps: ClassMaps
  readonly #targetBoundaries: PixelLists
  readonly #predictedBoundaries: PixelLists
  readonly #nearest = new NearestPixels()

  /** @throws InverseFormError `invalid-argument` for invalid options */
  constructor(options: BoundaryFOptions = {}) {
    this.#state = declaration.create(options)
    const { numClasses, ignoreIndex, tolerances } = this.#state.options
    this.numClasses = numClasses
    this.ignoreIndex = ignoreIndex
    this.tolerances = tolerances
    this.#maps = new ClassMaps(this.#state.options)
    this.#targetBoundaries = new PixelLists(numClasses)
    this.#predictedBoundaries = new PixelLists(numClasses)
  }

  /**
   * Adds an image.
   * @throws InverseFormError `size-mismatch` if target and prediction differ in size; `invalid-argument` for a target id
   *   that is neither in 0..n-1 nor the ignore index, or such a prediction where the target is not void;
   *   `limit-exceeded` for more than 32767 rows or columns. The state is then unchanged.
   */
  update(image: SegmentedImage): void {
    const { numClasses } = this
    const maps = this.#maps.of(image)
    const { width, height } = image
    listBoundaries(maps.target, width, height, numClasses, this.#targetBoundaries)
    listBoundaries(maps.prediction, width, height, numClasses, this.#predictedBoundaries)
    const pixels = this.tolerances.map((value) => tolerancePixels(value, width, height))
    const classes = Array.from({ length: numClasses }, (_, c) => c).filter((c) => maps.present[c] === 1)
    const measured = classes.map((c) => {
      const target = this.#targetBoundaries.of(c)
      const prediction = this.#predictedBoundaries.of(c)
      const matchedTarget = this.#within(target, prediction, pixels, width, height)
      const matchedPrediction = this.#within(prediction, target, pixels, width, height)
      return { c, target: target.length, prediction: prediction.length, matchedTarget, matchedPrediction }
    })
    const state = this.#state.values
    state.images++
    state.perTolerance.forEach((tally, k) => {
      addLength(tally.pixels, pixels[k])
    })
    for (const { c, target, prediction, matchedTarget, matchedPrediction } of measured) {
      state.classImages[c]++
      state.truth[c] += target
      state.prediction[c] += prediction
      state.perTolerance.forEach((tally, k) => {
        tally.matchedTruth[c] += matchedTarget[k]
        tally.matchedPrediction[c] += matchedPrediction[k]
        tally.f[c].add(fMeasure(target, prediction, matchedTarget[k], matchedPrediction[k]).f)
      })
    }
  }

  /** @throws InverseFormError `invalid-argument` if the options differ */
  checkMergeable(other: BoundaryF): void {
    checkSameMetric('BoundaryF', other, (value) => #state in value)
    this.#state.checkMergeable(other.#state)
  }

  /** @throws InverseFormError as {@link checkMergeable}; the state is then unchanged */
  merge(other: BoundaryF): void {
    this.checkMergeable(other)
    this.#state.merge(other.#state)
  }

  toJSON(): BoundaryFState {
    return this.#state.toJSON()
  }

  /** @throws InverseFormError `unreadable` unless `json` is what {@link toJSON} returns */
  static fromJSON(json: unknown): BoundaryF {
    const state = declaration.read(json)
    const metric = new BoundaryF(state.options)
    metric.#state.merge(state)
    return metric
  }

  compute(): BoundaryFScores {
    const { images, classImages, truth, prediction, perTolerance } = this.#state.values
    const tolerances = perTolerance.map((tally, k): BoundaryFToleranceScores => {
      const classes = tally.f.map((sum, c): BoundaryFClassScores => {
        const seen = classImages[c]
        return {
          images: seen,
          f: sum.value / seen,
          fAbsentAsPerfect: (sum.value + images - seen) / images,
          pooled:
            seen === 0
              ? { precision: Number.NaN, recall: Number.NaN, f: Number.NaN }
              : fMeasure(truth[c], prediction[c], tally.matchedTruth[c], tally.matchedPrediction[c]),
        }
      })
      return {
        tolerance: this.tolerances[k],
        pixels: [...tally.pixels],
        meanF: nanMean(classes.map(({ f }) => f)),
        meanFAbsentAsPerfect: nanMean(classes.map(({ fAbsentAsPerfect }) => fAbsentAsPerfect)),
        pooledMeanF: nanMean(classes.map(({ pooled }) => pooled.f)),
        classes,
      }
    })
    return { images, tolerances }
  }

  /** Counts for each tolerance the pixels of `from` that have one of `to` within it. */
  #within(
    from: Int32Array,
    to: Int32Array,
    tolerances: readonly number[],
    width: number,
    height: number,
  ): number[] {
    if (from.length === 0 || to.length === 0) return tolerances.map(() => 0)
    const limit = Math.max(...tolerances) ** 2
    const squares = this.#nearest.squares(from, to, width, height, limit)
    return tolerances.map((tolerance) => {
      const square = tolerance ** 2
      let count = 0
      for (let i = 0; i < squares.length; i++) if (squares[i] <= square) count++
      return count
    })
  }
}

/** Converts a tolerance to pixels for the size of an image. */
function tolerancePixels(tolerance: number, width: number, height: number): number {
  return tolerance >= 1 ? tolerance : Math.ceil(tolerance * diagonal(width, height))
}

/** Computes precision, recall and F from the numbers of boundary pixels and of those that match. */
function fMeasure(
  target: number,
  prediction: number,
  matchedTarget: number,
  matchedPrediction: number,
): { precision: number; recall: number; f: number } {
  const precision = prediction === 0 ? 1 : matchedPrediction / prediction
  const recall = target === 0 ? 1 : matchedTarget / target
  const f = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall)
  return { precision, recall, f }
}
