import { MAX_SIDE } from '@inverseform/distance-transform'
import { InverseFormError } from '@inverseform/errors'
import { checkImage, invalidPixel, subject } from '../check-image.js'
import type { Metric, SegmentedImage } from '../metric.js'
import type { ResolvedMetricOptions } from '../options.js'

/** The image that {@link updateMetrics} adds, and its maps so far: one for each pair of options. */
let shared: { readonly image: SegmentedImage; readonly maps: ClassMaps[] } | undefined

/**
 * Adds an image to several metrics. The boundary metrics among them that have the same classes and ignore index read it once.
 * After an error, some of the metrics may have the image and others not.
 *
 * @throws InverseFormError as `update` of each metric
 */
export function updateMetrics<Image extends SegmentedImage>(
  metrics: Iterable<Pick<Metric<Image, unknown, unknown>, 'update'>>,
  image: Image,
): void {
  // Maps are shared only within this call: between calls, the caller may write other ids into the same arrays.
  const outer = shared
  shared = { image, maps: [] }
  try {
    for (const metric of metrics) metric.update(image)
  } finally {
    shared = outer
  }
}

/**
 * Reads images: checks them, and removes void pixels (those whose target is the ignore index) from both maps, so that they
 * belong to no class. It reuses its arrays for the next image.
 */
export class ClassMaps {
  /** Class of each pixel in the target; `numClasses` where it is void. */
  target = new Uint16Array(0)
  /** Class of each pixel in the prediction; `numClasses` where it has no class or the target is void. */
  prediction = new Uint16Array(0)
  /** 1 for each class that is in either map. The last entry stands for no class. */
  readonly present: Uint8Array
  readonly #options: ResolvedMetricOptions

  constructor(options: ResolvedMetricOptions) {
    this.#options = options
    this.present = new Uint8Array(options.numClasses + 1)
  }

  /**
   * Returns the maps of an image: these, or those that another metric in {@link updateMetrics} has read. Do not change them.
   * @throws InverseFormError `size-mismatch`; `limit-exceeded` for more than 32767 rows or columns; `invalid-argument` for
   *   a target id that is neither in 0..n-1 nor the ignore index, or such a prediction where the target is not void
   */
  of(image: SegmentedImage): ClassMaps {
    if (shared === undefined || shared.image !== image) return this.#read(image)
    const known = shared.maps.find((maps) => maps.#hasSameClasses(this))
    if (known) return known
    shared.maps.push(this.#read(image))
    return this
  }

  #hasSameClasses(other: ClassMaps): boolean {
    const [mine, its] = [this.#options, other.#options]
    return mine.numClasses === its.numClasses && mine.ignoreIndex === its.ignoreIndex
  }

  #read(image: SegmentedImage): this {
    checkImage(image)
    checkSides(image)
    const { numClasses: n, ignoreIndex } = this.#options
    const pixels = image.target.length
    if (this.target.length !== pixels) {
      this.target = new Uint16Array(pixels)
      this.prediction = new Uint16Array(pixels)
    }
    const { target: targetIds, prediction: predictedIds } = image
    const { target, prediction } = this
    const present = this.present.fill(0)
    // Ids that repeat those of the previous pixel are valid.
    let [lastTarget, lastPredicted, predictedClass] = [-1, -1, n]
    for (let i = 0; i < pixels; i++) {
      const t = targetIds[i]
      if (t === ignoreIndex) {
        target[i] = n
        prediction[i] = n
        continue
      }
      const p = predictedIds[i]
      if (t !== lastTarget || p !== lastPredicted) {
        // An unsigned comparison rejects negative ids and ids that are too large.
        if (t >>> 0 >= n || (p >>> 0 >= n && p !== ignoreIndex)) throw invalidPixel(i, image, this.#options)
        predictedClass = p >>> 0 < n ? p : n
        present[t] = 1
        present[predictedClass] = 1
        lastTarget = t
        lastPredicted = p
      }
      target[i] = t
      prediction[i] = predictedClass
    }
    return this
  }
}

/** Squares of larger distances do not fit the 32-bit integers that all boundary metrics use. */
function checkSides({ width, height, name }: SegmentedImage): void {
  if (Math.max(width, height) <= MAX_SIDE) return
  throw new InverseFormError(
    'limit-exceeded',
    `${subject(name)} of ${width} x ${height} pixels is too large to measure boundaries in.`,
    {
      hint: `Cut the maps into parts of at most ${MAX_SIDE} rows and columns.`,
      details: { name, width, height },
    },
  )
}
