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

const FORMAT = 'inverseform.boundary-iou'

export interface BoundaryIouOptions extends ClassOptions {
  /**
   * Widths of the boundary regions as fractions of the image's diagonal, above 0 and up to 1. Default [0.02], the
   * paper's; it takes 0.005 for Cityscapes.
   */
  readonly ratios?: readonly number[]
}

/** One ratio's part of a {@link BoundaryIouState}; its lists are by class. */
export interface BoundaryIouRatioState {
  /** The pixels it came to, ascending: more than one when images differ in size. */
  readonly dilations: readonly number[]
  readonly intersection: readonly number[]
  readonly union: readonly number[]
  /** Sums of the images' IoU, in parts that add up exactly. */
  readonly iou: readonly (readonly number[])[]
}

/** What a {@link BoundaryIou} is on disk and between processes. */
export interface BoundaryIouState extends StateHeader {
  readonly format: typeof FORMAT
  readonly version: 1
  readonly classes: number
  readonly ignoreIndex: number | null
  readonly ratios: readonly number[]
  readonly images: number
  /** Images that have the class in a map, by class. */
  readonly classImages: readonly number[]
  readonly perRatio: readonly BoundaryIouRatioState[]
}

/** Pixels, and fractions in 0..1 that are NaN for a class in no map. */
export interface BoundaryIouClassScores {
  /** Number of images that have the class in a map. */
  readonly images: number
  readonly intersection: number
  readonly union: number
  /** Of the data set: sum of the images' intersections / sum of their unions. */
  readonly iou: number
  /** Mean of the images' own IoU. */
  readonly imageIou: number
}

export interface BoundaryIouRatioScores {
  readonly ratio: number
  /** The pixels it came to, ascending: more than one when images differ in size. */
  readonly dilations: readonly number[]
  /** Mean over the classes seen of their `iou`. */
  readonly meanIou: number
  /** Mean over the classes seen of their `imageIou`. */
  readonly meanImageIou: number
  readonly classes: readonly BoundaryIouClassScores[]
}

/** What {@link BoundaryIou.compute} returns; NaN where there is no image. */
export interface BoundaryIouScores {
  readonly images: number
  /** In the order of the option. */
  readonly ratios: readonly BoundaryIouRatioScores[]
}

interface RatioTally {
  readonly dilations: number[]
  readonly intersection: number[]
  readonly union: number[]
  readonly iou: readonly ExactSum[]
}

/**
 * Boundary IoU of each class: the IoU of the pixels of the class that are near its boundary, in the truth and in the
 * prediction. Near are those within d of a pixel that is not of the class, measured along rows or columns, whichever
 * is more (what d erosions by 3x3 take away); outside the image no pixel is of the class. d is the ratio of the image's
 * diagonal, rounded to pixels, halves to even, and at least 1.
 *
 * Void pixels are taken out of both maps before, so pixels near void are near the boundary, in both maps alike where
 * both have the class there.
 *
 * Source: Cheng et al., CVPR 2021 (`mask_to_boundary` of its code).
 */
export class BoundaryIou implements Metric<SegmentedImage, BoundaryIouState, BoundaryIouScores> {
  readonly classes: number
  readonly ignoreIndex: number | null
  readonly ratios: readonly number[]
  #images = 0
  readonly #classImages: number[]
  readonly #tallies: RatioTally[]
  readonly #maps: ClassMaps
  #near = [new Uint8Array(0), new Uint8Array(0)] as const

  /** @throws InverseFormError `invalid-argument` for options that are not as described */
  constructor({ ratios = [0.02], ...options }: BoundaryIouOptions = {}) {
    const resolved = resolveClasses(options)
    const n = resolved.classes
    this.classes = n
    this.ignoreIndex = resolved.ignoreIndex
    this.ratios = checkNumbers(
      'ratios',
      ratios,
      (value) => value > 0 && value <= 1,
      'Pass fractions of the diagonal above 0 and up to 1, each once.',
    )
    this.#classImages = noCounts(n)
    this.#tallies = this.ratios.map(() => ({
      dilations: [],
      intersection: noCounts(n),
      union: noCounts(n),
      iou: noSums(n),
    }))
    this.#maps = new ClassMaps(resolved)
  }

  /**
   * Adds an image.
   * @throws InverseFormError `size-mismatch` when truth and prediction differ in size; `invalid-argument` for a true id
   *   outside 0..n-1 that is not the ignore index, or such a prediction where the truth is not void;
   *   `limit-exceeded` for more than 32767 rows or columns. None changes what was gathered.
   */
  update(image: SegmentedImage): void {
    const { width, height } = image
    this.#maps.read(image)
    const { present } = this.#maps
    this.#images++
    for (let c = 0; c < this.classes; c++) this.#classImages[c]! += present[c]!
    this.#tallies.forEach((tally, k) => {
      const dilation = Math.max(1, roundHalfEven(this.ratios[k]! * diagonal(width, height)))
      addLength(tally.dilations, dilation)
      const { intersection, union } = this.#count(width, height, dilation)
      addCounts(tally.intersection, intersection)
      addCounts(tally.union, union)
      tally.iou.forEach((sum, c) => {
        if (present[c] === 1) sum.add(intersection[c]! / union[c]!)
      })
    })
  }

  /** @throws InverseFormError `invalid-argument` when the options differ */
  expectMergeable(other: BoundaryIou): void {
    expectSameOptions('boundary IoU', this.#options, other.#options)
  }

  /** @throws as {@link expectMergeable} does, and is then as before */
  merge(other: BoundaryIou): void {
    this.expectMergeable(other)
    this.#images += other.#images
    addCounts(this.#classImages, other.#classImages)
    this.#tallies.forEach((tally, k) => {
      const theirs = other.#tallies[k]!
      for (const dilation of theirs.dilations) addLength(tally.dilations, dilation)
      addCounts(tally.intersection, theirs.intersection)
      addCounts(tally.union, theirs.union)
      addSums(tally.iou, theirs.iou)
    })
  }

  toJSON(): BoundaryIouState {
    return {
      format: FORMAT,
      version: 1,
      ...this.#options,
      images: this.#images,
      classImages: [...this.#classImages],
      perRatio: this.#tallies.map(({ dilations, intersection, union, iou }) => ({
        dilations: [...dilations],
        intersection: [...intersection],
        union: [...union],
        iou: iou.map((sum) => sum.toJSON()),
      })),
    }
  }

  /** @throws InverseFormError `unreadable` when `json` is not what {@link toJSON} returns */
  static fromJSON(json: unknown): BoundaryIou {
    const state = expectState<BoundaryIouState>(json, FORMAT, 1)
    const classes = expectClasses(state, FORMAT)
    const metric = withOptions(FORMAT, () => new BoundaryIou({ ...classes, ratios: state.ratios ?? [] }))
    const n = metric.classes
    if (!isCount(state.images)) throw damagedState(FORMAT, `images is ${JSON.stringify(state.images)}`)
    metric.#images = state.images
    const classImages = readCounts(FORMAT, 'classImages', state.classImages, atMost(n, state.images))
    addCounts(metric.#classImages, classImages)
    metric.#tallies.forEach((tally, k) => {
      const read = state.perRatio?.[k]
      for (const dilation of readLengths(FORMAT, 'dilations', read?.dilations))
        addLength(tally.dilations, dilation)
      const union = readCounts(FORMAT, 'union', read?.union, atMost(n))
      addCounts(tally.intersection, readCounts(FORMAT, 'intersection', read?.intersection, union))
      addCounts(tally.union, union)
      addSums(tally.iou, readSums(FORMAT, 'iou', read?.iou, classImages))
    })
    return metric
  }

  compute(): BoundaryIouScores {
    const ratios = this.#tallies.map((tally, k): BoundaryIouRatioScores => {
      const classes = tally.iou.map((sum, c): BoundaryIouClassScores => {
        const images = this.#classImages[c]!
        const intersection = tally.intersection[c]!
        const union = tally.union[c]!
        return { images, intersection, union, iou: intersection / union, imageIou: sum.value / images }
      })
      return {
        ratio: this.ratios[k]!,
        dilations: [...tally.dilations],
        meanIou: meanOfNumbers(classes.map(({ iou }) => iou)),
        meanImageIou: meanOfNumbers(classes.map(({ imageIou }) => imageIou)),
        classes,
      }
    })
    return { images: this.#images, ratios }
  }

  /** Intersection and union of each class's boundary regions in the image that was read. */
  #count(width: number, height: number, dilation: number): { intersection: number[]; union: number[] } {
    const n = this.classes
    const { truth, prediction } = this.#maps
    if (this.#near[0].length !== truth.length)
      this.#near = [new Uint8Array(truth.length), new Uint8Array(truth.length)]
    const [nearTruth, nearPrediction] = this.#near
    markNearBoundary(truth, width, height, n, dilation, nearTruth)
    markNearBoundary(prediction, width, height, n, dilation, nearPrediction)
    const intersection = new Uint32Array(n + 1)
    const sum = new Uint32Array(n + 1)
    for (let i = 0; i < truth.length; i++) {
      const t = truth[i]!
      const p = prediction[i]!
      sum[t]! += nearTruth[i]!
      sum[p]! += nearPrediction[i]!
      if (t === p) intersection[t]! += nearTruth[i]! & nearPrediction[i]!
    }
    return {
      intersection: Array.from(intersection.subarray(0, n)),
      union: Array.from(sum.subarray(0, n), (pixels, c) => pixels - intersection[c]!),
    }
  }

  get #options(): Required<BoundaryIouOptions> {
    const { classes, ignoreIndex, ratios } = this
    return { classes, ignoreIndex, ratios }
  }
}

/**
 * Marks the pixels whose square of (2d + 1)² pixels around is not all of their own class and inside the image: all
 * classes in one pass. For each column it counts how many rows, up to the present one, hold one class from d to the left
 * of it to d to the right.
 *
 * @param near result: 0 for pixels further inside their class, 1 for all others, void included
 */
function markNearBoundary(
  map: Uint16Array,
  width: number,
  height: number,
  classes: number,
  d: number,
  near: Uint8Array,
): void {
  near.fill(1)
  const rows = new Uint32Array(width)
  const classOf = new Uint16Array(width)
  for (let y = 0; y < height; y++) {
    const offset = y * width
    const centre = offset - d * width
    for (let start = 0, end = 0; start < width; start = end) {
      const c = map[offset + start]!
      end = start + 1
      while (end < width && map[offset + end] === c) end++
      const from = c < classes ? Math.min(start + d, end) : end
      const to = Math.max(end - d, from)
      for (let x = start; x < from; x++) rows[x] = 0
      for (let x = from; x < to; x++) {
        const count = classOf[x] === c ? rows[x]! + 1 : 1
        classOf[x] = c
        rows[x] = count
        if (count > 2 * d) near[centre + x] = 0
      }
      for (let x = to; x < end; x++) rows[x] = 0
    }
  }
}

/** Python's `round`. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  const fraction = value - floor
  return fraction > 0.5 || (fraction === 0.5 && floor % 2 === 1) ? floor + 1 : floor
}
