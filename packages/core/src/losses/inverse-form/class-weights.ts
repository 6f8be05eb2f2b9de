import { checkBoolean, checkInteger, checkIntegerArray, checkNumber } from '@inverseform/errors'
import { checkClass, checkIgnoreIndex, type IgnoreOptions, type IntegerArray } from '../inputs.js'

export interface ClassWeightsOptions extends IgnoreOptions {
  /** Weights classes by the inverse of their share of the pixels, `upperBound / share`, instead of `upperBound · (1 - share)`. */
  readonly norm?: boolean
  /** How far weights rise above 1. Default 1. */
  readonly upperBound?: number
}

/**
 * Weights classes by how rare they are in the target: `1 + upperBound · (1 - share)`, or `1 + upperBound / share` with `norm`.
 * A class that does not occur weighs 1. With `norm` the published code computes NaN for it, but never uses that weight.
 *
 * Source: `ImageBasedCrossEntropyLoss2d.calculate_weights` of the published code (loss/utils.py).
 *
 * @param target any number of values in 0..numClasses-1, or `ignoreIndex`
 * @returns [classes], each at least 1
 * @throws InverseFormError `invalid-argument` for another target value, an array of another type, a `numClasses` that is not a
 *   positive integer, or an invalid option
 */
export function classWeights(
  target: IntegerArray,
  numClasses: number,
  { norm = false, upperBound = 1, ignoreIndex = 255 }: ClassWeightsOptions = {},
): Float64Array {
  checkIntegerArray('target', target)
  checkInteger('numClasses', numClasses, { min: 1 })
  checkClassWeightsOptions(norm, upperBound, ignoreIndex)
  const counts = new Float64Array(numClasses)
  let total = 0
  for (let i = 0; i < target.length; i++) {
    const value = target[i]
    if (value === ignoreIndex) continue
    checkClass(value, numClasses, i)
    counts[value]++
    total++
  }
  return weightsOfCounts(counts, total, { norm, upperBound })
}

/** {@link classWeights} from the number of pixels of each class. */
export function weightsOfCounts(
  counts: ArrayLike<number>,
  total: number,
  { norm = false, upperBound = 1 }: ClassWeightsOptions,
): Float64Array {
  return Float64Array.from(counts, (count) => {
    if (count === 0) return 1
    const share = count / total
    return 1 + (norm ? upperBound / share : upperBound * (1 - share))
  })
}

export function checkClassWeightsOptions(norm: boolean, upperBound: number, ignoreIndex: number): void {
  checkBoolean('norm', norm)
  checkNumber('upperBound', upperBound, { min: 0 })
  checkIgnoreIndex(ignoreIndex)
}
