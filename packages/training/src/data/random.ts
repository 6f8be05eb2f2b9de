import { type Random, seededRandom } from '@inverseform/shared'

/**
 * Returns a generator that depends on the seed and on all words, such as a step and an index. Equal arguments give equal
 * numbers, so that a batch can be made again without those before it.
 */
export function derivedRandom(seed: number, ...words: readonly number[]): Random {
  let state = seed | 0
  for (const word of words) state = scramble((scramble(state + 0x9e3779b9) ^ word) | 0)
  return seededRandom(state)
}

/** Spreads the bits of a 32-bit integer: the finalizer of MurmurHash3 by Austin Appleby (public domain). */
function scramble(value: number): number {
  let z = value ^ (value >>> 16)
  z = Math.imul(z, 0x85ebca6b)
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
  return z ^ (z >>> 16)
}

/** A uniform number from `min` to `max`. */
export const uniform = (random: Random, [min, max]: readonly [number, number]): number =>
  min + random() * (max - min)
