import { nanMean } from '@inverseform/shared'
import type { Metric, SegmentedImage } from '../metric.js'
import { type MetricOptions, resolveMetricOptions } from '../options.js'
import { checkSameMetric, declareState, type StateHeader, type StateOf } from '../state/declare-state.js'
import { addCounts, addLength, count, counts, exactSums, lengths, listOf, record } from '../state/fields.js'
import { ClassMaps } from './class-maps.js'
import { checkNumbers, diagonal } from './options.js'

export interface BoundaryIouOptions extends MetricOptions {
  /**
   * Widths of the boundary regions as fractions of the image's diagonal, above 0 and up to 1. Default [0.02], the
   * paper's default; the paper uses 0.005 for Cityscapes.
   */
  readonly ratios?: readonly number[]
}

/** The part of a {@link BoundaryIouState} for one ratio. Lists have one entry per class. */
export interface BoundaryIouRatioState {
  /** The width in pixels, ascending: several values if images differ in size. */
  readonly dilations: readonly number[]
  readonly intersection: readonly number[]
  readonly union: readonly number[]
  /** Exact sums of the images' IoU, as doubles to add up. */
  readonly iou: readonly (readonly number[])[]
}

/** The state of a {@link BoundaryIou} as JSON. */
export interface BoundaryIouState extends StateHeader {
  readonly format: 'inverseform.boundary-iou'
  readonly version: 1
  readonly classes: number
  readonly ignoreIndex: number | null
  readonly ratios: readonly number[]
  readonly images: number
  /** For each class, the images with it in either map. */
  readonly classImages: readonly number[]
  readonly perRatio: readonly BoundaryIouRatioState[]
}

/** Numbers of pixels, and fractions in 0..1 that are NaN for a class in no map. */
export interface BoundaryIouClassScores {
  /** Number of images with the class in either map. */
  readonly images: number
  readonly intersection: number
  readonly union: number
  /** IoU of the data set: sum of the images' intersections / sum of their unions. */
  readonly iou: number
  /** Mean of the IoU of each image. */
  readonly imageIou: number
}

export interface BoundaryIouRatioScores {
  readonly ratio: number
  /** The width in pixels, ascending: several values if images differ in size. */
  readonly dilations: readonly number[]
  /** Mean of `iou` over the classes seen. */
  readonly meanIou: number
  /** Mean of `imageIou` over the classes seen. */
  readonly meanImageIou: number
  readonly classes: readonly BoundaryIouClassScores[]
}

/** What {@link BoundaryIou.compute} returns; scores are NaN without images. */
export interface BoundaryIouScores {
  readonly images: number
  /** In the order of the option `ratios`. */
  readonly ratios: readonly BoundaryIouRatioScores[]
}

function resolveOptions({
  ratios = [0.02],
  ...options
}: BoundaryIouOptions): Readonly<Required<BoundaryIouOptions>> {
  const isRatio = (value: number): boolean => value > 0 && value <= 1
  return {
    ...resolveMetricOptions(options),
    ratios: checkNumbers(
      'ratios',
      ratios,
      isRatio,
      'numbers above 0 and up to 1 (fractions of the diagonal)',
    ),
  }
}

const declaration = declareState({
  name: 'boundary IoU',
  format: 'inverseform.boundary-iou',
  version: 1,
  resolve: resolveOptions,
  stored: ['numClasses', 'ignoreIndex', 'ratios'],
  fields: ({ numClasses, ratios }) => ({
    images: count(),
    classImages: counts(numClasses, 'images'),
    perRatio: listOf(
      ratios.length,
      record({
        dilations: lengths(),
        intersection: counts(numClasses, 'union'),
        union: counts(numClasses),
        iou: exactSums(numClasses, 'classImages'),
      }),
    ),
  }),
})

/**
 * Boundary IoU of each class: the IoU of its pixels near its boundary, in the target and in the prediction. A pixel is
 * near the boundary if a pixel that is not of the class is within d of it, along rows and along columns (d erosions by 3x3
 * remove it). No pixel outside the image is of the class. d is the ratio times the image's diagonal, rounded to pixels,
 * halves to even, and at least 1.
 *
 * Void pixels are first removed from both maps. Pixels near void are therefore near the boundary, the same in both maps
 * where both have the class there.
 *
 * Source: Cheng et al., CVPR 2021 (`mask_to_boundary` of its code).
 */
export class BoundaryIou implements Metric<SegmentedImage, BoundaryIouState, BoundaryIouScores> {
  readonly numClasses: number
  readonly ignoreIndex: number | null
  readonly ratios: readonly number[]
  readonly #state: StateOf<typeof declaration>
  readonly #maps: ClassMaps
  #near = [new Uint8Array(0), new Uint8Array(0)] as const

  /** @throws InverseFormError `invalid-argument` for invalid options */
  constructor(options: BoundaryIouOptions = {}) {
    this.#state = declaration.create(options)
    this.numClasses = this.#state.options.numClasses
    this.ignoreIndex = this.#state.options.ignoreIndex
    this.ratios = this.#state.options.ratios
    this.#maps = new ClassMaps(this.#state.options)
  }

  /**
   * Adds an image.
   * @throws InverseFormError `size-mismatch` if target and prediction differ in size; `invalid-argument` for a target id
   *   that is neither in 0..n-1 nor the ignore index, or such a prediction where the target is not void;
   *   `limit-exceeded` for more than 32767 rows or columns. The state is then unchanged.
   */
  update(image: SegmentedImage): void {
    const maps = this.#maps.of(image)
    const { width, height } = image
    const { present } = maps
    const state = this.#state.values
    state.images++
    for (let c = 0; c < this.numClasses; c++) state.classImages[c] += present[c]
    state.perRatio.forEach((tally, k) => {
      const dilation = Math.max(1, roundHalfEven(this.ratios[k] * diagonal(width, height)))
      addLength(tally.dilations, dilation)
      const { intersection, union } = this.#count(maps, width, height, dilation)
      addCounts(tally.intersection, intersection)
      addCounts(tally.union, union)
      tally.iou.forEach((sum, c) => {
        if (present[c] === 1) sum.add(intersection[c] / union[c])
      })
    })
  }

  /** @throws InverseFormError `invalid-argument` if the options differ */
  checkMergeable(other: BoundaryIou): void {
    checkSameMetric('BoundaryIou', other, (value) => #state in value)
    this.#state.checkMergeable(other.#state)
  }

  /** @throws InverseFormError as {@link checkMergeable}; the state is then unchanged */
  merge(other: BoundaryIou): void {
    this.checkMergeable(other)
    this.#state.merge(other.#state)
  }

  toJSON(): BoundaryIouState {
    return this.#state.toJSON()
  }

  /** @throws InverseFormError `unreadable` unless `json` is what {@link toJSON} returns */
  static fromJSON(json: unknown): BoundaryIou {
    const state = declaration.read(json)
    const metric = new BoundaryIou(state.options)
    metric.#state.merge(state)
    return metric
  }

  compute(): BoundaryIouScores {
    const { images, classImages, perRatio } = this.#state.values
    const ratios = perRatio.map((tally, k): BoundaryIouRatioScores => {
      const classes = tally.iou.map((sum, c): BoundaryIouClassScores => {
        const seen = classImages[c]
        const intersection = tally.intersection[c]
        const union = tally.union[c]
        return { images: seen, intersection, union, iou: intersection / union, imageIou: sum.value / seen }
      })
      return {
        ratio: this.ratios[k],
        dilations: [...tally.dilations],
        meanIou: nanMean(classes.map(({ iou }) => iou)),
        meanImageIou: nanMean(classes.map(({ imageIou }) => imageIou)),
        classes,
      }
    })
    return { images, ratios }
  }

  /** Counts intersection and union of each class's boundary regions in the image that was read. */
  #count(
    { target, prediction }: ClassMaps,
    width: number,
    height: number,
    dilation: number,
  ): { intersection: Uint32Array; union: Uint32Array } {
    const n = this.numClasses
    if (this.#near[0].length !== target.length) {
      this.#near = [new Uint8Array(target.length), new Uint8Array(target.length)]
    }
    const [nearTarget, nearPrediction] = this.#near
    markNearBoundary(target, width, height, n, dilation, nearTarget)
    markNearBoundary(prediction, width, height, n, dilation, nearPrediction)
    // The last entry is for pixels of no class.
    const intersection = new Uint32Array(n + 1)
    const sum = new Uint32Array(n + 1)
    for (let i = 0; i < target.length; i++) {
      const t = target[i]
      const p = prediction[i]
      sum[t] += nearTarget[i]
      sum[p] += nearPrediction[i]
      if (t === p) intersection[t] += nearTarget[i] & nearPrediction[i]
    }
    return { intersection, union: sum.map((pixels, c) => pixels - intersection[c]) }
  }
}

/**
 * Marks the pixels near the boundary of their class: those whose surrounding (2d + 1)² pixels are not all of their class
 * and inside the image. It handles all classes in one pass: for each column it counts the consecutive rows, up to the
 * current one, that hold one class from d to the left of the column to d to the right.
 *
 * @param near result: 0 for pixels further inside their class, 1 for all others, including void
 */
function markNearBoundary(
  map: Uint16Array,
  width: number,
  height: number,
  numClasses: number,
  d: number,
  near: Uint8Array,
): void {
  near.fill(1)
  const rows = new Uint32Array(width)
  const classOf = new Uint16Array(width)
  for (let y = 0; y < height; y++) {
    const offset = y * width
    const center = offset - d * width
    for (let start = 0, end = 0; start < width; start = end) {
      const c = map[offset + start]
      end = start + 1
      while (end < width && map[offset + end] === c) end++
      const from = c < numClasses ? Math.min(start + d, end) : end
      const to = Math.max(end - d, from)
      for (let x = start; x < from; x++) rows[x] = 0
      for (let x = from; x < to; x++) {
        const count = classOf[x] === c ? rows[x] + 1 : 1
        classOf[x] = c
        rows[x] = count
        if (count > 2 * d) near[center + x] = 0
      }
      for (let x = to; x < end; x++) rows[x] = 0
    }
  }
}

/** Rounds as Python's `round`. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  const fraction = value - floor
  return fraction > 0.5 || (fraction === 0.5 && floor % 2 === 1) ? floor + 1 : floor
}
