import { readFileSync } from 'node:fs'
import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { decodeLabelPng, edgeMap } from '../src/index.js'

const golden = (name: string) =>
  decodeLabelPng(readFileSync(new URL(`fixtures/joint-${name}.png`, import.meta.url))).data

/**
 * Computes the published definition by brute force: for each class 1..18, the pixels whose distance to the nearest pixel on
 * the other side of the class's boundary is at most 2, in the image padded with one ring outside the class.
 */
function byDistance(ids: Uint8Array, width: number, height: number): Uint8Array {
  const inClass = (x: number, y: number, c: number): boolean =>
    x >= 0 && y >= 0 && x < width && y < height && ids[y * width + x] === c
  const edges = new Uint8Array(ids.length)
  for (let c = 1; c <= 18; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let distance = Number.POSITIVE_INFINITY
        for (let v = -1; v <= height; v++) {
          for (let u = -1; u <= width; u++) {
            if (inClass(u, v, c) !== inClass(x, y, c)) distance = Math.min(distance, Math.hypot(u - x, v - y))
          }
        }
        if (distance <= 2) edges[y * width + x] = 1
      }
    }
  }
  return edges
}

/** Creates a map of flat patches, so that some pixels are not edges, with ids from `ids`. */
function patches(seed: number, width: number, height: number, ids: readonly number[]): Uint8Array {
  const next = seededRandom(seed)
  const map = new Uint8Array(width * height).fill(ids[0])
  for (let n = 0; n < 6; n++) {
    const id = ids[Math.floor(next() * ids.length)]
    const [left, top] = [Math.floor(next() * width), Math.floor(next() * height)]
    const [right, bottom] = [left + next() * width, top + next() * height]
    for (let y = top; y < Math.min(bottom, height); y++) {
      for (let x = left; x < Math.min(right, width); x++) map[y * width + x] = id
    }
  }
  return map
}

describe('edgeMap', () => {
  it('equals the edge target of the published code', () => {
    const labels = golden('labels') as Uint8Array
    const half = 48 * 96
    for (const start of [0, half]) {
      expect(edgeMap(labels.subarray(start, start + half), 96, 48)).toEqual(
        golden('edges').slice(start, start + half),
      )
    }
  })

  it('equals the definition by distances on maps of any size', () => {
    let seed = 0
    for (const [width, height] of [
      [1, 1],
      [1, 2],
      [2, 1],
      [1, 7],
      [7, 1],
      [3, 3],
      [4, 5],
      [5, 4],
      [6, 6],
      [13, 11],
      [17, 9],
    ] as const) {
      for (const ids of [
        [0, 5],
        [0, 255],
        [255, 3],
        [0, 1, 18, 19, 34, 255],
        [7, 8],
      ]) {
        for (let n = 0; n < 3; n++) {
          const map = patches(seed++, width, height, ids)
          expect(edgeMap(map, width, height), `${width}x${height} ${map}`).toEqual(
            byDistance(map, width, height),
          )
        }
      }
    }
  })

  it('equals the definition on noise', () => {
    const next = seededRandom(1)
    const map = Uint8Array.from({ length: 15 * 12 }, () => [0, 1, 2, 18, 255][Math.floor(next() * 5)])
    expect(edgeMap(map, 15, 12)).toEqual(byDistance(map, 15, 12))
  })

  it('has no edges if everything is ignored or road', () => {
    expect(edgeMap(new Uint8Array(99).fill(255), 11, 9).includes(1)).toBe(false)
    expect(
      edgeMap(
        Uint8Array.from({ length: 99 }, (_, i) => (i % 2 ? 0 : 255)),
        11,
        9,
      ).includes(1),
    ).toBe(false)
  })

  it('is a frame of two pixels for a single class', () => {
    const edges = edgeMap(new Uint8Array(7 * 8).fill(4), 7, 8)
    edges.forEach((edge, i) => {
      const [x, y] = [i % 7, Math.floor(i / 7)]
      expect(edge).toBe(x > 1 && x < 5 && y > 1 && y < 6 ? 0 : 1)
    })
  })

  it('accepts 16-bit ids and an empty map, and rejects the wrong size', () => {
    expect(edgeMap(Uint16Array.of(0, 5, 261), 3, 1)).toEqual(edgeMap(Uint8Array.of(0, 5, 255), 3, 1))
    expect(edgeMap(new Uint8Array(0), 0, 0)).toHaveLength(0)
    expect(() => edgeMap(new Uint8Array(5), 2, 2)).toThrow(
      /^`trainIds` must have 4 elements, one train id for each of 2 x 2 pixels, got 5\.$/,
    )
  })

  it('rejects ids that are not 8- or 16-bit integers, and sizes that are not integers', () => {
    expect(() => edgeMap([0, 5] as unknown as Uint8Array, 2, 1)).toThrow(
      '`trainIds` must be a Uint8Array or a Uint16Array, got [0, 5].',
    )
    expect(() => edgeMap(new Uint8Array(3), 1.5, 2)).toThrow(
      '`width` must be an integer of at least 0, got 1.5.',
    )
  })
})
