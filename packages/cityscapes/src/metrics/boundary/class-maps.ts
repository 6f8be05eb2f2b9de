import { MAX_SIDE } from '@inverseform/distance-transform'
import { InverseFormError } from '@inverseform/errors'
import { badPair, type ClassOptions, checkSizes, of } from '../ids.js'
import type { SegmentedImage } from '../metric.js'

/**
 * Reads images: checks them, and takes void pixels (those whose truth is the ignore index) out of both maps, so that
 * they belong to no class. Its arrays are used again for the next image.
 */
export class ClassMaps {
  /** Class of each pixel in the truth; `classes` where it is void. */
  truth = new Uint16Array(0)
  /** Class of each pixel in the prediction; `classes` where it is none, or the truth is void. */
  prediction = new Uint16Array(0)
  /** 1 for each class that is in either map; the last is for no class. */
  readonly present: Uint8Array
  readonly #options: Readonly<Required<ClassOptions>>

  constructor(options: Readonly<Required<ClassOptions>>) {
    this.#options = options
    this.present = new Uint8Array(options.classes + 1)
  }

  /**
   * @throws InverseFormError `size-mismatch`; `limit-exceeded` for more than 32767 rows or columns; `invalid-argument` for
   *   a true id outside 0..n-1 that is not the ignore index, or such a prediction where the truth is not void
   */
  read(image: SegmentedImage): void {
    checkSizes(image)
    checkSides(image)
    const { classes: n, ignoreIndex } = this.#options
    const pixels = image.truth.length
    if (this.truth.length !== pixels) {
      this.truth = new Uint16Array(pixels)
      this.prediction = new Uint16Array(pixels)
    }
    const { truth: trueIds, prediction: predictedIds } = image
    const { truth, prediction } = this
    const present = this.present.fill(0)
    // Ids that repeat those of the pixel before need no check of their own.
    let [lastTrue, lastPredicted, predictedClass] = [-1, -1, n]
    for (let i = 0; i < pixels; i++) {
      const t = trueIds[i]!
      if (t === ignoreIndex) {
        truth[i] = n
        prediction[i] = n
        continue
      }
      const p = predictedIds[i]!
      if (t !== lastTrue || p !== lastPredicted) {
        // An unsigned comparison refuses what is negative as well as what is too large.
        if (t >>> 0 >= n || (p >>> 0 >= n && p !== ignoreIndex)) throw badPair(i, image, this.#options)
        predictedClass = p >>> 0 < n ? p : n
        present[t] = 1
        present[predictedClass] = 1
        lastTrue = t
        lastPredicted = p
      }
      truth[i] = t
      prediction[i] = predictedClass
    }
  }
}

/** Squares of larger distances do not fit the whole numbers of 32 bits that all boundary metrics count in. */
function checkSides({ width, height, name }: SegmentedImage): void {
  if (Math.max(width, height) <= MAX_SIDE) return
  throw new InverseFormError(
    'limit-exceeded',
    `${of(name)}of ${width} x ${height} pixels is too large to measure boundaries in.`,
    {
      hint: `Cut the maps into parts of at most ${MAX_SIDE} rows and columns.`,
      details: { name, width, height },
    },
  )
}
