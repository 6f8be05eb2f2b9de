import { expect } from 'vitest'

export interface FloatTensor {
  readonly data: Float32Array
  readonly shape: readonly number[]
}

/** Returns the largest difference divided by the largest expected magnitude. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0
  let magnitude = 0
  for (let i = 0; i < expected.length; i++) {
    // The negated comparison lets NaN through, on either side.
    const d = Math.abs(actual[i] - expected[i])
    if (!(d <= difference)) difference = d
    magnitude = Math.max(magnitude, Math.abs(expected[i]))
  }
  return difference / magnitude
}

/** Expects the same shape and values within a relative tolerance. */
export function expectClose(actual: FloatTensor, expected: FloatTensor, tolerance = 1e-4): void {
  expect(actual.shape).toEqual(expected.shape)
  expect(actual.data.length).toBe(expected.data.length)
  expect(relativeError(actual.data, expected.data)).toBeLessThanOrEqual(tolerance)
}

/** Returns uniform random values from -scale to scale. */
export function randomValues(random: () => number, length: number, scale = 1): Float32Array {
  return Float32Array.from({ length }, () => (2 * random() - 1) * scale)
}
