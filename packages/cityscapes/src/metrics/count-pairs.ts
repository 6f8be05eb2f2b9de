import type { IdArray } from '../label-mapping.js'
import type { SegmentedImage } from './metric.js'
import type { ResolvedCountOptions } from './options.js'

/** Pixels from which the table of all pairs of bytes, which must be cleared and read, saves time. */
const MIN_PIXELS = 2 ** 16

/** Number of pixels for each pair of bytes: target · 256 + prediction. Reused, because it is larger than the result. */
let pairs: Uint32Array | undefined

/**
 * Adds the (target, prediction) pairs of an image to n · n counts, in rows by target. Pixels predicted as the ignore index
 * or the void index go to n counts of their own. Pixels whose target is the ignore index are skipped; those whose target is
 * the void index are counted in `spurious` under the class that they are predicted as, its last entry
 * for no class.
 *
 * Label maps consist of areas of equal ids, so it counts a run of equal pairs at once. If both maps are bytes, it compares
 * words of four, and counts all pairs of bytes before it looks at what they mean.
 *
 * @returns the first pixel with an invalid id, -1 if there is none; the counts are then of no use
 */
export function countPairs(
  { target, prediction }: SegmentedImage,
  { numClasses, ignoreIndex, voidIndex }: ResolvedCountOptions,
  counts: Uint32Array,
  missed: Uint32Array,
  spurious?: Uint32Array,
): number {
  /** Adds pixels of one pair. Returns false if it is invalid. */
  function add(t: number, p: number, times: number): boolean {
    if (t === ignoreIndex) return true
    // An unsigned comparison rejects negative ids and ids that are too large.
    const isClass = p >>> 0 < numClasses
    if (!isClass && p !== ignoreIndex && p !== voidIndex) return false
    if (t >>> 0 < numClasses) {
      if (isClass) counts[t * numClasses + p] += times
      else missed[t] += times
      return true
    }
    if (t !== voidIndex || spurious === undefined) return false
    spurious[isClass ? p : numClasses] += times
    return true
  }

  /** Adds pixels from the first to the last. Returns the first invalid one, or -1. */
  function addPixels(first: number): number {
    const pixels = target.length
    for (let i = first, end = first; i < pixels; i = end) {
      const t = target[i]
      const p = prediction[i]
      do end++
      while (end < pixels && target[end] === t && prediction[end] === p)
      if (!add(t, p, end - i)) return i
    }
    return -1
  }

  const targetWords = wordsOf(target)
  const predictionWords = wordsOf(prediction)
  if (target.length < MIN_PIXELS || targetWords === undefined || predictionWords === undefined) {
    return addPixels(0)
  }
  pairs ??= new Uint32Array(2 ** 16)
  const table = pairs.fill(0)
  countBytes(targetWords, predictionWords, table)
  // The conversion restores the sign of Int8Array.
  const [toTarget, toPrediction] = [idOf(target), idOf(prediction)]
  for (let pair = 0; pair < table.length; pair++) {
    const times = table[pair]
    if (times > 0 && !add(toTarget(pair >>> 8), toPrediction(pair & 255), times)) return addPixels(0)
  }
  return addPixels(4 * targetWords.length)
}

/** Counts the pairs of bytes in words of four. */
function countBytes(target: Int32Array, prediction: Int32Array, pairs: Uint32Array): void {
  const words = target.length
  for (let i = 0, end = 0; i < words; i = end) {
    const t = target[i]
    const p = prediction[i]
    do end++
    while (end < words && target[end] === t && prediction[end] === p)
    const times = end - i
    const first = ((t & 255) << 8) | (p & 255)
    // Four additions to one count would wait for each other.
    if (hasOneId(t) && hasOneId(p)) pairs[first] += 4 * times
    else {
      pairs[first] += times
      pairs[(t & 0xff00) | ((p >>> 8) & 255)] += times
      pairs[((t >>> 8) & 0xff00) | ((p >>> 16) & 255)] += times
      pairs[((t >>> 16) & 0xff00) | (p >>> 24)] += times
    }
  }
}

const hasOneId = (word: number): boolean => word === Math.imul(word & 255, 0x01010101)

/** Returns the conversion of a byte to the id that it stands for. */
const idOf = (ids: IdArray): ((byte: number) => number) =>
  ids instanceof Int8Array ? (byte) => (byte << 24) >> 24 : (byte) => byte

/** Views bytes as whole words of four; undefined for wider ids and for bytes that are not aligned to words. */
function wordsOf(ids: IdArray): Int32Array | undefined {
  if (ids.BYTES_PER_ELEMENT !== 1 || ids.byteOffset % 4 !== 0) return undefined
  return new Int32Array(ids.buffer, ids.byteOffset, ids.length >> 2)
}
