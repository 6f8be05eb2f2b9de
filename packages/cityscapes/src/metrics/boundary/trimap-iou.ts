import { squaredDistances } from '@inverseform/distance-transform'
import { ConfusionMatrix, type ConfusionMatrixState, type SegmentationScores } from '../confusion.js'
import { type ClassOptions, resolveClasses } from '../ids.js'
import type { Metric, SegmentedImage } from '../metric.js'
import { damagedState, expectClasses, expectSameOptions, expectState, type StateHeader } from '../state.js'
import { ClassMaps } from './class-maps.js'
import { checkNumbers } from './lengths.js'
import { withOptions } from './tallies.js'

const FORMAT = 'inverseform.trimap-iou'

export interface TrimapIouOptions extends ClassOptions {
  /**
   * Widths of the bands in pixels, whole numbers in 1..32767, sorted by the metric. Width 1 is the pixels at the boundary,
   * one on each side of it; width 2 two on each side. Default [1, 2, 3, 4, 5, 8, 12, 16, 24, 32, 40].
   */
  readonly widths?: readonly number[]
  /**
   * Whether the border of a class with void is a boundary. Default false: it tells where the annotation ends, and in
   * Cityscapes that is mostly the car that carries the camera. Pascal VOC needs true: a strip of void runs along all its
   * boundaries.
   */
  readonly voidBorders?: boolean
}

/** What a {@link TrimapIou} is on disk and between processes. */
export interface TrimapIouState extends StateHeader {
  readonly format: typeof FORMAT
  readonly version: 1
  readonly classes: number
  readonly ignoreIndex: number | null
  readonly widths: readonly number[]
  readonly voidBorders: boolean
  /** For each width the pixels that are in its band and in no narrower one. */
  readonly rings: readonly ConfusionMatrixState[]
}

/** The scores in one band. */
export interface TrimapBandScores extends SegmentationScores {
  /** In pixels on each side of the boundary. */
  readonly width: number
}

/** What {@link TrimapIou.compute} returns. */
export interface TrimapIouScores {
  /** The curve: one point a width, narrow to wide. Scores are NaN in a band without pixels. */
  readonly bands: readonly TrimapBandScores[]
}

/**
 * IoU and accuracy near the true boundaries, in bands of several widths: the nearer, the harder.
 *
 * Boundary pixels are those with one of their four neighbours of another class (or void, see `voidBorders`), on both
 * sides of each boundary; the frame is none. A pixel is in the band of width w when the Euclidean distance of its centre
 * to that of the nearest boundary pixel is less than w. Void pixels are in no band.
 *
 * Sources: Kohli, Ladický and Torr, IJCV 2009; Krähenbühl and Koltun, NeurIPS 2011; Chen et al. (DeepLab), TPAMI 2018.
 * They measure from the void strips of their data sets, whence the option.
 */
export class TrimapIou implements Metric<SegmentedImage, TrimapIouState, TrimapIouScores> {
  readonly classes: number
  readonly ignoreIndex: number | null
  /** Ascending. */
  readonly widths: readonly number[]
  readonly voidBorders: boolean
  #rings: readonly ConfusionMatrix[]
  readonly #maps: ClassMaps
  #boundary = new Uint8Array(0)
  #squares = new Int32Array(0)

  /** @throws InverseFormError `invalid-argument` for options that are not as described */
  constructor({
    widths = [1, 2, 3, 4, 5, 8, 12, 16, 24, 32, 40],
    voidBorders = false,
    ...options
  }: TrimapIouOptions = {}) {
    const resolved = resolveClasses(options)
    this.classes = resolved.classes
    this.ignoreIndex = resolved.ignoreIndex
    this.widths = [
      ...checkNumbers(
        'widths',
        widths,
        (value) => Number.isInteger(value) && value >= 1 && value <= 32767,
        'Pass whole numbers of pixels from 1 to 32767, each once.',
      ),
    ].sort((a, b) => a - b)
    this.voidBorders = voidBorders
    this.#rings = this.widths.map(() => new ConfusionMatrix({ ...resolved }))
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
    const { truth, prediction } = this.#maps
    if (this.#boundary.length !== truth.length) {
      this.#boundary = new Uint8Array(truth.length)
      this.#squares = new Int32Array(truth.length)
    }
    const n = this.classes
    markBoundary(truth, width, height, this.voidBorders ? n + 1 : n, this.#boundary)
    const squares = squaredDistances(this.#boundary, width, height, this.#squares)
    const limits = this.widths.map((value) => value ** 2)
    const widest = limits.at(-1)!
    const counts = this.#rings.map((ring) => ring.counts)
    const missed = this.#rings.map((ring) => ring.missed)
    for (let i = 0; i < truth.length; i++) {
      const square = squares[i]!
      const t = truth[i]!
      if (square >= widest || t === n) continue
      let ring = 0
      while (square >= limits[ring]!) ring++
      const p = prediction[i]!
      if (p === n) missed[ring]![t]!++
      else counts[ring]![t * n + p]!++
    }
  }

  /** @throws InverseFormError `invalid-argument` when the options differ */
  expectMergeable(other: TrimapIou): void {
    expectSameOptions('trimap IoU', this.#options, other.#options)
  }

  /** @throws as {@link expectMergeable} does, and is then as before */
  merge(other: TrimapIou): void {
    this.expectMergeable(other)
    this.#rings.forEach((ring, k) => {
      ring.merge(other.#rings[k]!)
    })
  }

  toJSON(): TrimapIouState {
    return {
      format: FORMAT,
      version: 1,
      ...this.#options,
      rings: this.#rings.map((ring) => ring.toJSON()),
    }
  }

  /** @throws InverseFormError `unreadable` when `json` is not what {@link toJSON} returns */
  static fromJSON(json: unknown): TrimapIou {
    const state = expectState<TrimapIouState>(json, FORMAT, 1)
    const { widths, voidBorders, rings } = state
    if (typeof voidBorders !== 'boolean')
      throw damagedState(FORMAT, `voidBorders is ${JSON.stringify(voidBorders)}`)
    const classes = expectClasses(state, FORMAT)
    return withOptions(FORMAT, () => {
      const metric = new TrimapIou({ ...classes, widths: widths ?? [], voidBorders })
      metric.#rings = metric.#rings.map((empty, k) => {
        const ring = ConfusionMatrix.fromJSON(rings?.[k])
        empty.expectMergeable(ring)
        return ring
      })
      return metric
    })
  }

  compute(): TrimapIouScores {
    const { classes, ignoreIndex } = this
    const band = new ConfusionMatrix({ classes, ignoreIndex })
    const bands = this.#rings.map((ring, k): TrimapBandScores => {
      band.merge(ring)
      return { width: this.widths[k]!, ...band.compute() }
    })
    return { bands }
  }

  get #options(): Required<TrimapIouOptions> {
    const { classes, ignoreIndex, widths, voidBorders } = this
    return { classes, ignoreIndex, widths, voidBorders }
  }
}

/**
 * Marks the pixels with one of their four neighbours of another class.
 *
 * @param end ids from it on are no class
 */
function markBoundary(
  map: Uint16Array,
  width: number,
  height: number,
  end: number,
  boundary: Uint8Array,
): void {
  boundary.fill(0)
  for (let y = 0, i = 0; y < height; y++) {
    const down = y < height - 1 ? width : 0
    for (let x = 0; x < width; x++, i++) {
      const c = map[i]!
      if (c >= end) continue
      const below = map[i + down]!
      if (below !== c && below < end) boundary[i] = boundary[i + down] = 1
      const right = x < width - 1 ? map[i + 1]! : c
      if (right !== c && right < end) boundary[i] = boundary[i + 1] = 1
    }
  }
}
