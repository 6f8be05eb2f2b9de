import { expect } from 'vitest'

export interface FloatTensor {
  readonly data: Float32Array
  readonly shape: readonly number[]
}

/** The largest difference against the largest expected magnitude. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0
  let magnitude = 0
  for (let i = 0; i < expected.length; i++) {
    // A NaN on either side must not pass for a small difference.
    const d = Math.abs(actual[i] - expected[i])
    if (!(d <= difference)) difference = d
    magnitude = Math.max(magnitude, Math.abs(expected[i]))
  }
  return difference / magnitude
}

export function expectClose(actual: FloatTensor, expected: FloatTensor, tolerance = 1e-4): void {
  expect(actual.shape).toEqual(expected.shape)
  expect(actual.data.length).toBe(expected.data.length)
  expect(relativeError(actual.data, expected.data)).toBeLessThanOrEqual(tolerance)
}

/** Seeded uniform numbers in [0, 1): mulberry32. */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A whole number from `least` to `most`. */
export const randomInteger = (random: () => number, least: number, most: number): number =>
  least + Math.floor(random() * (most - least + 1))

export function randomValues(random: () => number, length: number, scale = 1): Float32Array {
  return Float32Array.from({ length }, () => (2 * random() - 1) * scale)
}

export const elementCount = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)
