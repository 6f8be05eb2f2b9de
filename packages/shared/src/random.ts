/** Returns a uniform random number in [0, 1), as `Math.random` does. */
export type Random = () => number

/**
 * A generator that returns the same numbers for the same seed on every machine: mulberry32 by Tommy Ettinger (public
 * domain). Its period is 2³², and each number has 32 random bits.
 *
 * @param seed only its lowest 32 bits count
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let z = Math.imul(state ^ (state >>> 15), state | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A uniform integer from `min` to `max`, both included. */
export function randomInteger(random: Random, min: number, max: number): number {
  return min + Math.floor(random() * (max - min + 1))
}

/** Shuffles elements in place (Fisher and Yates). */
export function shuffle<T>(elements: { [index: number]: T; readonly length: number }, random: Random): void {
  for (let i = elements.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const element = elements[i]
    elements[i] = elements[j]
    elements[j] = element
  }
}
