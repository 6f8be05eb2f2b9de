/** Draws a number uniformly from [0, 1), as `Math.random` does. */
export type Random = () => number

/**
 * A generator that gives the same numbers for the same seed, everywhere: mulberry32 by Tommy Ettinger (public domain), with a
 * period of 2³² and 32 bits a number.
 *
 * @param seed its lowest 32 bits are used
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

/** Puts elements into a random order, in place (Fisher and Yates). */
export function shuffle(elements: Uint32Array, random: Random): void {
  for (let i = elements.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const element = elements[i]!
    elements[i] = elements[j]!
    elements[j] = element
  }
}
