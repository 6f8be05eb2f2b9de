import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { NearestPixels } from '../../../src/metrics/boundary/nearest-pixels.js'

function byTrial(from: Int32Array, to: Int32Array, width: number): number[] {
  return Array.from(from, (p) => {
    let least = Number.POSITIVE_INFINITY
    for (const q of to) {
      least = Math.min(
        least,
        (Math.floor(p / width) - Math.floor(q / width)) ** 2 + ((p % width) - (q % width)) ** 2,
      )
    }
    return least
  })
}

/** Some of the pixels, ascending. */
function some(next: () => number, pixels: number, share: number, from = 0): Int32Array {
  const chosen = Int32Array.from({ length: pixels - from }, (_, i) => i + from).filter(() => next() < share)
  return chosen.length > 0 ? chosen : Int32Array.of(pixels - 1)
}

describe('NearestPixels', () => {
  it.each([
    ['both sparse', 0.02, 0.02, 0],
    ['both dense', 0.7, 0.7, 0],
    ['few wanted', 0.01, 0.6, 0],
    ['many wanted of one that is far, which takes the transform', 0.9, 0, 0],
    ['many wanted of some below', 0.5, 0.2, 1600],
  ])('finds the nearest: %s', (_, shareFrom, shareTo, start) => {
    const next = seededRandom(7)
    const search = new NearestPixels()
    for (const width of [50, 1, 100, 2000]) {
      const [pixels, height] = [2000, 2000 / width]
      const from = some(next, pixels, shareFrom)
      const to = some(next, pixels, shareTo, start)
      const expected = byTrial(from, to, width)
      expect(Array.from(search.squares(from, to, width, height))).toEqual(expected)
      expect(Array.from(search.squares(to, from, width, height))).toEqual(byTrial(to, from, width))
      const limited = Array.from(search.squares(from, to, width, height, 20))
      limited.forEach((square, i) => {
        if (expected[i] <= 20) expect(square).toBe(expected[i])
        else expect(square).toBeGreaterThan(20)
      })
    }
  })
})
