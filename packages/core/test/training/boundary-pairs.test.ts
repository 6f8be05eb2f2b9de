import { describe, expect, it } from 'vitest'
import {
  type BoundaryPairsOptions,
  boundaryPairs,
  type Matrix3,
  sampleHomography,
  sampleShiftAndScale,
  seededRandom,
  transformMatrix,
  warpMaps,
} from '../../src/training/index.js'

/** Three tiles, each 8 wide: a line, nothing, a block. The values encode the position, so a tile reveals its origin. */
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
  Float32Array.from({ length: 64 }, (_, p) => map.data[Math.floor(p / 8) * map.width + left + (p % 8)])

const pairs = (options: Partial<BoundaryPairsOptions> = {}) =>
  boundaryPairs([map], {
    random: seededRandom(5),
    transform: sampleShiftAndScale,
    tileSize: [8, 8],
    batchSize: 2,
    ...options,
  })

const product = (a: readonly number[], b: readonly number[]) =>
  Array.from({ length: 9 }, (_, i) =>
    [0, 1, 2].reduce((sum, k) => sum + a[Math.floor(i / 3) * 3 + k] * b[k * 3 + (i % 3)], 0),
  ) as unknown as Matrix3

describe('boundary pairs', () => {
  it('contain each tile with a boundary once per epoch', () => {
    const batches = pairs()
    const orders = Array.from({ length: 20 }, () => {
      const { tiles } = batches.next().value
      expect(tiles.shape).toEqual([2, 1, 8, 8])
      const [first, second] = [0, 64].map((start) => Float32Array.from(tiles.data).slice(start, start + 64))
      const inOrder = first.every((value, i) => value === tileAt(0)[i])
      expect([first, second]).toEqual(inOrder ? [tileAt(0), tileAt(16)] : [tileAt(16), tileAt(0)])
      return inOrder
    })
    expect(new Set(orders).size).toBe(2)
  })

  it('contain a tile, the transformed map at the tile, and the parameters', () => {
    const { tiles, warped, parameters } = pairs({ transform: sampleHomography, stride: [1, 18] }).next().value
    expect(parameters.shape).toEqual([2, 8])
    for (const pair of [0, 1]) {
      const part = (data: ArrayLike<number>, size: number) =>
        Array.from(data).slice(pair * size, (pair + 1) * size)
      const left = part(tiles.data, 64).every((value, i) => value === tileAt(0)[i]) ? 0 : 18
      // Applies the same transformation to the whole map, in map coordinates: 26 pixels wide instead of the tile's 8.
      const center = (2 * (left + 4)) / 26 - 1
      const toTile = [26 / 8, 0, (-center * 26) / 8, 0, 1, 0, 0, 0, 1]
      const toMap = [8 / 26, 0, center, 0, 1, 0, 0, 0, 1]
      const matrix = product(product(toMap, transformMatrix(part(parameters.data, 8))), toTile)
      const whole = warpMaps({ data: map.data, shape: [1, 1, 8, 26] }, [matrix])
      part(warped.data, 64).forEach((value, p) => {
        expect(value).toBeCloseTo(whole[Math.floor(p / 8) * 26 + left + (p % 8)], 5)
      })
    }
    expect(warped.data).not.toEqual(tiles.data)
  })

  it('show the surroundings of the tile, and 0 outside the map', () => {
    const parameters = [(2 * 4) / 8, 0]
    const transform = () => ({ matrix: transformMatrix(parameters), parameters })
    const { tiles, warped } = pairs({
      transform,
      stride: [1, 15],
      tileSize: [8, 8],
      batchSize: 1,
      minimumBoundary: 0.08,
    }).next().value
    expect(Array.from(tiles.data)).toEqual(Array.from(tileAt(15)))
    Array.from(tileAt(15 + 4)).forEach((value, p) => {
      expect(warped.data[p]).toBeCloseTo((p % 8) + 19 < 26 ? value : 0, 6)
    })
  })

  it('depend only on the seed', () => {
    const first = (seed: number) => {
      const batches = pairs({ random: seededRandom(seed), stride: [1, 1] })
      return Array.from({ length: 5 }, () => batches.next().value)
    }
    expect(first(1)).toEqual(first(1))
    expect(first(1)).not.toEqual(first(2))
  })

  it('reject maps and options without tiles', () => {
    expect(() => pairs({ tileSize: [9, 9] })).toThrow(
      '`tileSize` must fit a boundary map, got 9x9, larger than all 1 maps.',
    )
    expect(() => pairs({ minimumBoundary: 0.9 })).toThrow(
      'No tile of 8x8 in 1 boundary maps has a mean of at least 0.9.',
    )
    expect(() => pairs({ minimumBoundary: Number.NaN })).toThrow(
      '`minimumBoundary` must be a finite number, got NaN.',
    )
    expect(() => pairs({ batchSize: 0 })).toThrow('`batchSize` must be an integer of at least 1, got 0.')
    expect(() => pairs({ stride: [0, 1] })).toThrow('`stride` must be two positive integers, got [0, 1].')
    const draw = { random: Math.random, transform: sampleHomography }
    expect(() => boundaryPairs([{ ...map, height: 9 }], draw)).toThrow(
      '`maps[0].data` must have 234 elements, one for each of 9x26 pixels, got 208.',
    )
    expect(() => boundaryPairs([], draw)).toThrow(
      'No tile of 224x224 in 0 boundary maps has a mean of at least 0.01.',
    )
    let drawn = 0
    const transform = (random: () => number) =>
      drawn++ % 2 === 0 ? sampleHomography(random) : sampleShiftAndScale(random)
    expect(() => pairs({ transform }).next()).toThrow(
      '`transform` must always draw the same number of parameters, got 8 and 4.',
    )
  })

  it('have the documented defaults: tiles of 224x224 with a mean of at least 0.01, 32 per batch', () => {
    const side = 224
    const filled = (share: number) => {
      const data = new Float32Array(side * side).fill(1, 0, Math.ceil(share * side * side))
      return { data, height: side, width: side }
    }
    const draw = { random: seededRandom(1), transform: sampleShiftAndScale }
    expect(boundaryPairs([filled(0.0101)], draw).next().value.tiles.shape).toEqual([32, 1, side, side])
    expect(() => boundaryPairs([filled(0.0099)], draw)).toThrow(
      'No tile of 224x224 in 1 boundary maps has a mean of at least 0.01.',
    )
  })
})
