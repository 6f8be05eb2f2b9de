import { squaredDistances } from '@inverseform/distance-transform'
import { checkBoolean } from '@inverseform/errors'
import { ConfusionMatrix, type ConfusionMatrixState, type SegmentationScores } from '../confusion.js'
import type { Metric, SegmentedImage } from '../metric.js'
import { type MetricOptions, resolveMetricOptions } from '../options.js'
import { checkSameMetric, declareState, type StateHeader, type StateOf } from '../state/declare-state.js'
import { listOf, nested } from '../state/fields.js'
import { ClassMaps } from './class-maps.js'
import { checkNumbers } from './options.js'

export interface TrimapIouOptions extends MetricOptions {
  /**
   * Widths of the bands in pixels, integers in 1..32767, in any order. Width 1 is the pixels at the boundary, one on each
   * side of it; width 2 is two pixels on each side. Default [1, 2, 3, 4, 5, 8, 12, 16, 24, 32, 40].
   */
  readonly widths?: readonly number[]
  /**
   * Whether the border of a class with void is a boundary. Default false: this border shows where the annotation ends,
   * which in Cityscapes is mostly the car that carries the camera. Pascal VOC needs true: a strip of void runs along all
   * of its boundaries.
   */
  readonly voidBorders?: boolean
}

/** The state of a {@link TrimapIou} as JSON. */
export interface TrimapIouState extends StateHeader {
  readonly format: 'inverseform.trimap-iou'
  readonly version: 1
  readonly classes: number
  readonly ignoreIndex: number | null
  /** Ascending. */
  readonly widths: readonly number[]
  readonly voidBorders: boolean
  /** For each width, the counts of the pixels that are in its band and in no narrower band. */
  readonly rings: readonly ConfusionMatrixState[]
}

/** The scores in one band. */
export interface TrimapBandScores extends Omit<SegmentationScores, 'warnings'> {
  /** In pixels on each side of the boundary. */
  readonly width: number
}

/** What {@link TrimapIou.compute} returns. */
export interface TrimapIouScores {
  /** The curve: one point per width, from narrow to wide. Scores are NaN in a band without pixels. */
  readonly bands: readonly TrimapBandScores[]
}

function resolveOptions({
  widths = [1, 2, 3, 4, 5, 8, 12, 16, 24, 32, 40],
  voidBorders = false,
  ...options
}: TrimapIouOptions): Readonly<Required<TrimapIouOptions>> {
  const isWidth = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= 32767
  checkBoolean('voidBorders', voidBorders)
  return {
    ...resolveMetricOptions(options),
    widths: checkNumbers('widths', widths, isWidth, 'integers from 1 to 32767').toSorted((a, b) => a - b),
    voidBorders,
  }
}

const declaration = declareState({
  name: 'trimap IoU',
  format: 'inverseform.trimap-iou',
  version: 1,
  resolve: resolveOptions,
  stored: ['numClasses', 'ignoreIndex', 'widths', 'voidBorders'],
  fields: ({ numClasses, ignoreIndex, widths }) => ({
    rings: listOf(
      widths.length,
      nested(() => new ConfusionMatrix({ numClasses, ignoreIndex }), ConfusionMatrix.fromJSON),
    ),
  }),
})

/**
 * IoU and accuracy near the boundaries of the target, in bands of several widths. Narrow bands are the hardest.
 *
 * A boundary pixel has one of its four neighbors in another class (or void, see `voidBorders`); both sides of a boundary
 * count. The frame is no boundary. A pixel is in the band of width w if the Euclidean distance between its center and that
 * of the nearest boundary pixel is less than w. Void pixels are in no band.
 *
 * Sources: Kohli, Ladický and Torr, IJCV 2009; Krähenbühl and Koltun, NeurIPS 2011; Chen et al. (DeepLab), TPAMI 2018.
 * They measure from the void strips of their data sets, which the option `voidBorders` allows.
 */
export class TrimapIou implements Metric<SegmentedImage, TrimapIouState, TrimapIouScores> {
  readonly numClasses: number
  readonly ignoreIndex: number | null
  /** Ascending. */
  readonly widths: readonly number[]
  readonly voidBorders: boolean
  readonly #state: StateOf<typeof declaration>
  readonly #maps: ClassMaps
  #boundary = new Uint8Array(0)
  #squares = new Int32Array(0)

  /** @throws InverseFormError `invalid-argument` for invalid options */
  constructor(options: TrimapIouOptions = {}) {
    this.#state = declaration.create(options)
    const { numClasses, ignoreIndex, widths, voidBorders } = this.#state.options
    this.numClasses = numClasses
    this.ignoreIndex = ignoreIndex
    this.widths = widths
    this.voidBorders = voidBorders
    this.#maps = new ClassMaps(this.#state.options)
  }

  /**
   * Adds an image.
   * @throws InverseFormError `size-mismatch` if target and prediction differ in size; `invalid-argument` for a target id
   *   that is neither in 0..n-1 nor the ignore index, or such a prediction where the target is not void;
   *   `limit-exceeded` for more than 32767 rows or columns. The state is then unchanged.
   */
  update(image: SegmentedImage): void {
    const { target, prediction } = this.#maps.of(image)
    const { width, height } = image
    if (this.#boundary.length !== target.length) {
      this.#boundary = new Uint8Array(target.length)
      this.#squares = new Int32Array(target.length)
    }
    const n = this.numClasses
    markBoundary(target, width, height, this.voidBorders ? n + 1 : n, this.#boundary)
    const squares = squaredDistances(this.#boundary, width, height, this.#squares)
    const limits = this.widths.map((value) => value ** 2)
    const widest = limits[limits.length - 1]
    const { rings } = this.#state.values
    const counts = rings.map((ring) => ring.counts)
    const missed = rings.map((ring) => ring.missed)
    for (let i = 0; i < target.length; i++) {
      const square = squares[i]
      const t = target[i]
      if (square >= widest || t === n) continue
      let ring = 0
      while (square >= limits[ring]) ring++
      const p = prediction[i]
      if (p === n) missed[ring][t]++
      else counts[ring][t * n + p]++
    }
  }

  /** @throws InverseFormError `invalid-argument` if the options differ */
  checkMergeable(other: TrimapIou): void {
    checkSameMetric('TrimapIou', other, (value) => #state in value)
    this.#state.checkMergeable(other.#state)
  }

  /** @throws InverseFormError as {@link checkMergeable}; the state is then unchanged */
  merge(other: TrimapIou): void {
    this.checkMergeable(other)
    this.#state.merge(other.#state)
  }

  toJSON(): TrimapIouState {
    return this.#state.toJSON()
  }

  /** @throws InverseFormError `unreadable` unless `json` is what {@link toJSON} returns */
  static fromJSON(json: unknown): TrimapIou {
    const state = declaration.read(json)
    const metric = new TrimapIou(state.options)
    metric.#state.merge(state)
    return metric
  }

  compute(): TrimapIouScores {
    const { numClasses, ignoreIndex } = this
    const band = new ConfusionMatrix({ numClasses, ignoreIndex })
    const bands = this.#state.values.rings.map((ring, k): TrimapBandScores => {
      band.merge(ring)
      const { warnings: _, ...scores } = band.compute()
      return { width: this.widths[k], ...scores }
    })
    return { bands }
  }
}

/**
 * Marks the pixels with one of their four neighbors in another class.
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
      const c = map[i]
      if (c >= end) continue
      const below = map[i + down]
      if (below !== c && below < end) boundary[i] = boundary[i + down] = 1
      const right = x < width - 1 ? map[i + 1] : c
      if (right !== c && right < end) boundary[i] = boundary[i + 1] = 1
    }
  }
}
