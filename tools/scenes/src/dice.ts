import { type Random, seededRandom } from '@inverseform/shared'

/** Random choices. An object draws with a fork of its own, so that its details never change what comes after it. */
export interface Dice {
  /** Uniform in [low, high). */
  between(low: number, high: number): number
  /** Whole, both bounds included. */
  integer(low: number, high: number): number
  chance(probability: number): boolean
  pick<T>(from: readonly T[]): T
  fork(): Dice
}

export function createDice(seed: number): Dice {
  const random: Random = seededRandom(seed)
  return {
    between: (low, high) => low + random() * (high - low),
    integer: (low, high) => low + Math.floor(random() * (high - low + 1)),
    chance: (probability) => random() < probability,
    pick: (from) => from[Math.floor(random() * from.length)],
    fork: () => createDice(Math.floor(random() * 2 ** 32)),
  }
}

/** The seed of scene `index` of a split: a hash (FNV-1a with the finalizer of MurmurHash3) of all three. */
export function sceneSeed(seed: number, split: string, index: number): number {
  let hash = 0x811c9dc5
  for (const character of `${seed}/${split}/${index}`) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
