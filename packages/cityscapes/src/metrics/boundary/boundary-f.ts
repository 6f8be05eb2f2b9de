import type { ExactSum } from '../exact-sum.js'
import { type ClassOptions, resolveClasses } from '../ids.js'
import type { Metric, SegmentedImage } from '../metric.js'
import {
  damagedState,
  expectClasses,
  expectSameOptions,
  expectState,
  isCount,
  type StateHeader,
} from '../state.js'
import { ClassMaps } from './class-maps.js'
import { addLength, checkNumbers, diagonal } from './lengths.js'
import { NearestPixels } from './nearest-pixels.js'
import { listBoundaries } from './outlines.js'
import { PixelLists } from './pixel-lists.js'
import {
  addCounts,
  addSums,
  atMost,
  meanOfNumbers,
  noCounts,
  noSums,
  readCounts,
  readLengths,
  readSums,
  withOptions,
} from './tallies.js'

const FORMAT = 'inverseform.boundary-f'

/** The tolerances of Gated-SCNN's evaluation (Takikawa et al., ICCV 2019): 2, 5, 9 and 12 pixels at 1024x2048. */
export const gatedScnnTolerances: readonly number[] = [0.0005, 0.001875, 0.00375, 0.005]

/** The tolerance of DAVIS's evaluation (Perazzi et al., CVPR 2016). */
export const davisTolerance = 0.008

export interface BoundaryFOptions extends ClassOptions {
  /**
   * How far apart boundaries may lie and still match: pixels, whole numbers from 1 on, or fractions of the diagonal
   * between 0 and 1, which are rounded up to pixels. Default {@link gatedScnnTolerances}.
   */
  readonly tolerances?: readonly number[]
}

/** The F of one tolerance in a {@link BoundaryFState}; its lists are by class. */
export interface BoundaryFToleranceState {
  /** The pixels it came to, ascending: more than one when images differ in size. */
  readonly pixels: readonly number[]
  readonly matchedTruth: readonly number[]
  readonly matchedPrediction: readonly number[]
  /** Sums of the images' F, in parts that add up exactly. */
  readonly f: readonly (readonly number[])[]
}

/** What a {@link BoundaryF} is on disk and between processes; its lists are by class. */
export interface BoundaryFState extends StateHeader {
  readonly format: typeof FORMAT
  readonly version: 1
  readonly classes: number
  readonly ignoreIndex: number | null
  readonly tolerances: readonly number[]
  readonly images: number
  /** Images that have the class in a map. */
  readonly classImages: readonly number[]
  /** Boundary pixels in the truth. */
  readonly truth: readonly number[]
  /** Boundary pixels in the prediction. */
  readonly prediction: readonly number[]
  readonly perTolerance: readonly BoundaryFToleranceState[]
}

/** Fractions in 0..1; NaN for a class in no map. */
export interface BoundaryFClassScores {
  /** Number of images that have the class in a map, the mean is over these. */
  readonly images: number
  /** Mean of the images' F. */
  readonly f: number
  /** Mean over all images, those without the class counting 1, as Gated-SCNN's evaluation has it. */
  readonly fAbsentAsPerfect: number
  /** Of the data set's boundary pixels together: a large image, and a long boundary, counts for more. */
  readonly pooled: { readonly precision: number; readonly recall: number; readonly f: number }
}

export interface BoundaryFToleranceScores {
  /** As given: pixels, or a fraction of the diagonal. */
  readonly tolerance: number
  /** The pixels it came to, ascending: more than one when images differ in size. */
  readonly pixels: readonly number[]
  /** Mean over the classes seen of their `f`. */
  readonly meanF: number
  /** Mean over all classes of their `fAbsentAsPerfect`. */
  readonly meanFAbsentAsPerfect: number
  /** Mean over the classes seen of their `pooled.f`. */
  readonly pooledMeanF: number
  readonly classes: readonly BoundaryFClassScores[]
}

/** What {@link BoundaryF.compute} returns; NaN where there is no image. */
export interface BoundaryFScores {
  readonly images: number
  /** In the order of the option. */
  readonly tolerances: readonly BoundaryFToleranceScores[]
}

interface ToleranceTally {
  readonly pixels: number[]
  readonly matchedTruth: number[]
  readonly matchedPrediction: number[]
  readonly f: readonly ExactSum[]
}

/**
 * Boundary F-measure of each class: of a prediction's boundary pixels the share that has a boundary pixel of the truth
 * within the tolerance is the precision, the reverse is the recall, and F = 2PR / (P + R), 0 where both are 0.
 *
 * Boundaries are seg2bmap's: pixels among whose 2x2 neighbourhood, to the right and below, some are of the class and
 * some are not; the frame is no boundary. Distances are Euclidean, between pixel centres: a boundary matches what a
 * disk x² + y² <= r² around its pixels covers. Void pixels are taken out of both maps before, so the border with void
 * is a boundary, in both maps alike where both have the class there.
 *
 * A class in neither map of an image (void apart) is left out of that image. Where only the truth has a boundary,
 * precision is 1 and recall 0, where only the prediction has one the reverse, F being 0. Where neither has, both are 1,
 * as DAVIS's code has it: when a class fills both maps, and also when it fills the one and is missing from the other, so
 * that a map wholly of one class against a truth wholly of another has F 1. Read F beside an IoU.
 *
 * Sources: Perazzi et al., CVPR 2016 (`db_eval_boundary`, `f_measure` of DAVIS), Takikawa et al., ICCV 2019 (Gated-SCNN,
 * which takes void out of both masks).
 */
export class BoundaryF implements Metric<SegmentedImage, BoundaryFState, BoundaryFScores> {
  readonly classes: number
  readonly ignoreIndex: number | null
  readonly tolerances: readonly number[]
  #images = 0
  readonly #classImages: number[]
  readonly #truth: number[]
  readonly #prediction: number[]
  readonly #tallies: ToleranceTally[]
  readonly #maps: ClassMaps
  readonly #trueBoundaries: PixelLists
  readonly #predictedBoundaries: PixelLists
  readonly #nearest = new NearestPixels()

  /** @throws InverseFormError `invalid-argument` for options that are not as described */
  constructor({ tolerances = gatedScnnTolerances, ...options }: BoundaryFOptions = {}) {
    const resolved = resolveClasses(options)
    const n = resolved.classes
    this.classes = n
    this.ignoreIndex = resolved.ignoreIndex
    this.tolerances = checkNumbers(
      'tolerances',
      tolerances,
      (value) => (value > 0 && value < 1) || (value >= 1 && Number.isSafeInteger(value)),
      'Pass whole numbers of pixels from 1 on, or fractions of the diagonal between 0 and 1, each once.',
    )
    this.#classImages = noCounts(n)
    this.#truth = noCounts(n)
    this.#prediction = noCounts(n)
    this.#tallies = this.tolerances.map(() => ({
      pixels: [],
      matchedTruth: noCounts(n),
      matchedPrediction: noCounts(n),
      f: noSums(n),
    }))
    this.#maps = new ClassMaps(resolved)
    this.#trueBoundaries = new PixelLists(n)
    this.#predictedBoundaries = new PixelLists(n)
  }

  /**
   * Adds an image.
   * @throws InverseFormError `size-mismatch` when truth and prediction differ in size; `invalid-argument` for a true id
   *   outside 0..n-1 that is not the ignore index, or such a prediction where the truth is not void;
   *   `limit-exceeded` for more than 32767 rows or columns. None changes what was gathered.
   */
  update(image: SegmentedImage): void {
    const { width, height } = image
    const n = this.classes
    this.#maps.read(image)
    listBoundaries(this.#maps.truth, width, height, n, this.#trueBoundaries)
    listBoundaries(this.#maps.prediction, width, height, n, this.#predictedBoundaries)
    const pixels = this.tolerances.map((value) => tolerancePixels(value, width, height))
    const classes = Array.from({ length: n }, (_, c) => c).filter((c) => this.#maps.present[c] === 1)
    const counts = classes.map((c) => {
      const truth = this.#trueBoundaries.of(c)
      const prediction = this.#predictedBoundaries.of(c)
      const matchedTruth = this.#within(truth, prediction, pixels, width, height)
      const matchedPrediction = this.#within(prediction, truth, pixels, width, height)
      return { c, truth: truth.length, prediction: prediction.length, matchedTruth, matchedPrediction }
    })
    this.#images++
    this.#tallies.forEach((tally, k) => {
      addLength(tally.pixels, pixels[k]!)
    })
    for (const { c, truth, prediction, matchedTruth, matchedPrediction } of counts) {
      this.#classImages[c]!++
      this.#truth[c]! += truth
      this.#prediction[c]! += prediction
      this.#tallies.forEach((tally, k) => {
        tally.matchedTruth[c]! += matchedTruth[k]!
        tally.matchedPrediction[c]! += matchedPrediction[k]!
        tally.f[c]!.add(fMeasure(truth, prediction, matchedTruth[k]!, matchedPrediction[k]!).f)
      })
    }
  }

  /** @throws InverseFormError `invalid-argument` when the options differ */
  expectMergeable(other: BoundaryF): void {
    expectSameOptions('boundary F', this.#options, other.#options)
  }

  /** @throws as {@link expectMergeable} does, and is then as before */
  merge(other: BoundaryF): void {
    this.expectMergeable(other)
    this.#images += other.#images
    addCounts(this.#classImages, other.#classImages)
    addCounts(this.#truth, other.#truth)
    addCounts(this.#prediction, other.#prediction)
    this.#tallies.forEach((tally, k) => {
      const theirs = other.#tallies[k]!
      for (const pixels of theirs.pixels) addLength(tally.pixels, pixels)
      addCounts(tally.matchedTruth, theirs.matchedTruth)
      addCounts(tally.matchedPrediction, theirs.matchedPrediction)
      addSums(tally.f, theirs.f)
    })
  }

  toJSON(): BoundaryFState {
    return {
      format: FORMAT,
      version: 1,
      ...this.#options,
      images: this.#images,
      classImages: [...this.#classImages],
      truth: [...this.#truth],
      prediction: [...this.#prediction],
      perTolerance: this.#tallies.map(({ pixels, matchedTruth, matchedPrediction, f }) => ({
        pixels: [...pixels],
        matchedTruth: [...matchedTruth],
        matchedPrediction: [...matchedPrediction],
        f: f.map((sum) => sum.toJSON()),
      })),
    }
  }

  /** @throws InverseFormError `unreadable` when `json` is not what {@link toJSON} returns */
  static fromJSON(json: unknown): BoundaryF {
    const state = expectState<BoundaryFState>(json, FORMAT, 1)
    const metric = withOptions(
      FORMAT,
      () => new BoundaryF({ ...expectClasses(state, FORMAT), tolerances: state.tolerances ?? [] }),
    )
    const n = metric.classes
    if (!isCount(state.images)) throw damagedState(FORMAT, `images is ${JSON.stringify(state.images)}`)
    metric.#images = state.images
    const classImages = readCounts(FORMAT, 'classImages', state.classImages, atMost(n, state.images))
    const truth = readCounts(FORMAT, 'truth', state.truth, atMost(n))
    const prediction = readCounts(FORMAT, 'prediction', state.prediction, atMost(n))
    addCounts(metric.#classImages, classImages)
    addCounts(metric.#truth, truth)
    addCounts(metric.#prediction, prediction)
    metric.#tallies.forEach((tally, k) => {
      const read = state.perTolerance?.[k]
      for (const pixels of readLengths(FORMAT, 'pixels', read?.pixels)) addLength(tally.pixels, pixels)
      addCounts(tally.matchedTruth, readCounts(FORMAT, 'matchedTruth', read?.matchedTruth, truth))
      addCounts(
        tally.matchedPrediction,
        readCounts(FORMAT, 'matchedPrediction', read?.matchedPrediction, prediction),
      )
      addSums(tally.f, readSums(FORMAT, 'f', read?.f, classImages))
    })
    return metric
  }

  compute(): BoundaryFScores {
    const images = this.#images
    const tolerances = this.#tallies.map((tally, k): BoundaryFToleranceScores => {
      const classes = tally.f.map((sum, c): BoundaryFClassScores => {
        const seen = this.#classImages[c]!
        return {
          images: seen,
          f: sum.value / seen,
          fAbsentAsPerfect: (sum.value + images - seen) / images,
          pooled:
            seen === 0
              ? { precision: Number.NaN, recall: Number.NaN, f: Number.NaN }
              : fMeasure(
                  this.#truth[c]!,
                  this.#prediction[c]!,
                  tally.matchedTruth[c]!,
                  tally.matchedPrediction[c]!,
                ),
        }
      })
      return {
        tolerance: this.tolerances[k]!,
        pixels: [...tally.pixels],
        meanF: meanOfNumbers(classes.map(({ f }) => f)),
        meanFAbsentAsPerfect: meanOfNumbers(classes.map(({ fAbsentAsPerfect }) => fAbsentAsPerfect)),
        pooledMeanF: meanOfNumbers(classes.map(({ pooled }) => pooled.f)),
        classes,
      }
    })
    return { images, tolerances }
  }

  /** For each tolerance, how many of `from` have one of `to` within it. */
  #within(
    from: Int32Array,
    to: Int32Array,
    tolerances: readonly number[],
    width: number,
    height: number,
  ): number[] {
    if (from.length === 0 || to.length === 0) return noCounts(tolerances.length)
    const limit = Math.max(...tolerances) ** 2
    const squares = this.#nearest.squares(from, to, width, height, limit)
    return tolerances.map((tolerance) => {
      const square = tolerance ** 2
      let count = 0
      for (let i = 0; i < squares.length; i++) if (squares[i]! <= square) count++
      return count
    })
  }

  get #options(): Required<BoundaryFOptions> {
    const { classes, ignoreIndex, tolerances } = this
    return { classes, ignoreIndex, tolerances }
  }
}

/** Pixels that a tolerance comes to in an image. */
function tolerancePixels(tolerance: number, width: number, height: number): number {
  return tolerance >= 1 ? tolerance : Math.ceil(tolerance * diagonal(width, height))
}

/** Precision, recall and F of boundaries of so many pixels, so many of them matched. */
function fMeasure(
  truth: number,
  prediction: number,
  matchedTruth: number,
  matchedPrediction: number,
): { precision: number; recall: number; f: number } {
  const precision = prediction === 0 ? 1 : matchedPrediction / prediction
  const recall = truth === 0 ? 1 : matchedTruth / truth
  const f = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall)
  return { precision, recall, f }
}
