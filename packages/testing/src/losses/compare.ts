/** Returns the largest difference between two arrays relative to the largest expected value. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY
  let largest = 0
  let difference = 0
  for (let i = 0; i < actual.length; i++) {
    if (!Number.isFinite(actual[i])) return Number.POSITIVE_INFINITY
    largest = Math.max(largest, Math.abs(expected[i]))
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]))
  }
  return difference === 0 ? 0 : difference / largest
}
