import { describe, expect, it } from 'vitest'
import {
  type BoundaryPairsOptions,
  boundaryPairs,
  sampleHomography,
  sampleShiftAndScale,
  seededRandom,
  transformMatrix,
  warpMaps,
} from '../../src/training/index.js'

/** Three tiles of 8 across: a line, nothing, a block. Values name their place, so that a tile tells where it comes from. */
const map = (() => {
  const [height, width] = [8, 26]
  const data = new Float32Array(height * width)
  for (let y = 0; y < height; y++) {
    data[y * width + 3] = 0.5 + y / 100
    for (let x = 18; x < 21; x++) data[y * width + x] = 0.1 + x / 100 + y / 1000
  }
  return { data, height, width }
})()
const tileAt = (left: number) =>
  Float32Array.from({ length: 64 }, (_, p) => map.data[Math.floor(p / 8) * map.width + left + (p % 8)]!)

const pairs = (options: Partial<BoundaryPairsOptions> = {}) =>
  boundaryPairs([map], {
    random: seededRandom(5),
    transform: sampleShiftAndScale,
    tileSize: [8, 8],
    batchSize: 2,
    ...options,
  })

describe('boundary pairs', () => {
  it('come from the tiles with boundary, each once an epoch', () => {
    const batches = pairs()
    const orders = Array.from({ length: 20 }, () => {
      const { tiles } = batches.next().value
      expect(tiles.shape).toEqual([2, 1, 8, 8])
      const [first, second] = [0, 64].map((start) => Float32Array.from(tiles.data).slice(start, start + 64))
      const inOrder = first!.every((value, i) => value === tileAt(0)[i])
      expect([first, second]).toEqual(inOrder ? [tileAt(0), tileAt(16)] : [tileAt(16), tileAt(0)])
      return inOrder
    })
    expect(new Set(orders).size).toBe(2)
  })

  it('are each a tile, its copy through the transformation, and the parameters', () => {
    const { tiles, warped, parameters } = pairs({ transform: sampleHomography, stride: [1, 3] }).next().value
    expect(parameters.shape).toEqual([2, 8])
    const matrices = [0, 8].map((start) =>
      transformMatrix(Array.from(parameters.data).slice(start, start + 8)),
    )
    const again = warpMaps(tiles, matrices)
    again.forEach((value, i) => {
      expect(value).toBeCloseTo(warped.data[i]!, 5)
    })
    expect(warped.data).not.toEqual(tiles.data)
  })

  it('are the same for a seed and others for another', () => {
    const first = (seed: number) => {
      const batches = pairs({ random: seededRandom(seed), stride: [1, 1] })
      return Array.from({ length: 5 }, () => batches.next().value)
    }
    expect(first(1)).toEqual(first(1))
    expect(first(1)).not.toEqual(first(2))
  })

  it('refuse what cannot give any', () => {
    expect(() => pairs({ tileSize: [9, 9] }).next()).toThrow('None of 1 boundary maps')
    expect(() => pairs({ minimumBoundary: 0.9 }).next()).toThrow('None of 1 boundary maps')
    expect(() => pairs({ batchSize: 0 }).next()).toThrow('batchSize is 0')
    expect(() => pairs({ stride: [0, 1] }).next()).toThrow('stride is 0x1')
    const short = boundaryPairs([{ ...map, height: 9 }], { random: Math.random, transform: sampleHomography })
    expect(() => short.next()).toThrow('Boundary map 0 has 208 values')
  })
})
