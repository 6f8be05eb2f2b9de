import { checkInteger, checkNumber } from '../options.js'
import { checkIntegers, checkLabel, type IntegerArray } from './inputs.js'

export interface ClassWeightsOptions {
  /** Weigh by the inverse of a class's share of the pixels, `upperBound / share`, not by `upperBound · (1 - share)`. */
  readonly norm?: boolean
  /** How far weights rise above 1. Default 1. */
  readonly upperBound?: number
  /** The label of pixels that do not count. Default 255. */
  readonly ignoreIndex?: number
}

/**
 * Weights of the classes by how rare they are among the labels: `1 + upperBound · (1 - share)`, or `1 + upperBound / share`
 * with `norm`; 1 for a class that does not occur (where the published code, with `norm`, has NaN, which it never uses).
 *
 * Source: `ImageBasedCrossEntropyLoss2d.calculate_weights` of the published code (loss/utils.py).
 *
 * @param labels any number of labels in 0..classes-1, or `ignoreIndex`
 * @returns [classes], each at least 1
 * @throws `invalid-argument` for another label, an array of another type, a number of classes that is no positive integer, or an
 *   `upperBound` below 0
 */
export function classWeights(
  labels: IntegerArray,
  classes: number,
  { norm = false, upperBound = 1, ignoreIndex = 255 }: ClassWeightsOptions = {},
): Float64Array {
  checkIntegers('labels', labels)
  checkInteger('classes', classes, 1)
  checkNumber('upperBound', upperBound, 0)
  const counts = new Float64Array(classes)
  let total = 0
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!
    if (label === ignoreIndex) continue
    checkLabel(label, classes, i)
    counts[label]!++
    total++
  }
  return counts.map((count) => {
    if (count === 0) return 1
    const share = count / total
    return 1 + (norm ? upperBound / share : upperBound * (1 - share))
  })
}
