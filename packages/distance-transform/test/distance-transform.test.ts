import { describe, expect, it } from 'vitest'
import { FAR, squaredDistances } from '../src/index.js'

/** Returns a generator of reproducible numbers in [0, 1) (linear congruential). */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

function bruteForce(mask: Uint8Array, width: number): number[] {
  return Array.from(mask, (_, i) => {
    let least = FAR
    mask.forEach((set, at) => {
      const rows = Math.floor(at / width) - Math.floor(i / width)
      if (set) least = Math.min(least, rows ** 2 + ((at % width) - (i % width)) ** 2)
    })
    return least
  })
}

describe('squaredDistances', () => {
  it.each([
    [1, 1, 0.5],
    [1, 19, 0.2],
    [19, 1, 0.2],
    [16, 23, 0.5],
    [23, 16, 0.1],
    [31, 29, 0.005],
    [8, 9, 0],
    [8, 9, 1],
  ])('match brute force for %d x %d pixels with a share of %d set', (width, height, share) => {
    const next = random(width * 100 + height)
    for (let run = 0; run < 10; run++) {
      // Any nonzero value is set.
      const mask = Uint8Array.from({ length: width * height }, () =>
        next() < share ? 1 + Math.floor(next() * 255) : 0,
      )
      expect(Array.from(squaredDistances(mask, width, height))).toEqual(bruteForce(mask, width))
    }
  })

  it('are exact for distant pixels of the mask', () => {
    const [width, height] = [2500, 700]
    const mask = new Uint8Array(width * height)
    const seeds = [
      [0, 0],
      [2499, 3],
      [1200, 699],
      [1201, 350],
      [77, 600],
    ] as const
    for (const [x, y] of seeds) mask[y * width + x] = 1
    const squares = squaredDistances(mask, width, height)
    const wrong = squares.findIndex((square, i) => {
      const [x, y] = [i % width, Math.floor(i / width)]
      return square !== Math.min(...seeds.map(([a, b]) => (x - a) ** 2 + (y - b) ** 2))
    })
    expect(wrong).toBe(-1)
  })

  it('are written to a given array, which may be larger and hold old values', () => {
    const into = new Int32Array(20).fill(7)
    const squares = squaredDistances(Uint8Array.of(0, 0, 1, 0, 0, 0), 3, 2, into)
    expect(Array.from(squares)).toEqual([4, 1, 0, 5, 2, 1])
    expect(squares.buffer).toBe(into.buffer)
    expect(Array.from(into.subarray(6))).toEqual(new Array(14).fill(7))
    expect(Array.from(squaredDistances(new Uint8Array(6), 3, 2, into))).toEqual(new Array(6).fill(FAR))
  })

  it('are limited to the maximum size', () => {
    const row = new Uint8Array(32767)
    row[0] = 1
    expect(squaredDistances(row, 32767, 1).at(-1)).toBe(32766 ** 2)
    expect(squaredDistances(row, 1, 32767).at(-1)).toBe(32766 ** 2)
    expect(() => squaredDistances(new Uint8Array(32768), 32768, 1)).toThrow(
      'The distance transform accepts at most 32767 rows and columns, got 32768 x 1 pixels.',
    )
  })
})
