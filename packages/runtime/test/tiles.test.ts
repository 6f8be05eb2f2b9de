import { randomInteger, seededRandom } from '@inverseform/shared'
import { randomValues, relativeError } from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { checkTileOption, checkTileSize, planTiles } from '../src/tiles/plan-tiles.js'
import { cropTile, TileBlender } from '../src/tiles/tile-blender.js'

describe('planTiles', () => {
  const random = seededRandom(31)

  test('covers every image with aligned tiles and the overlap', () => {
    for (let round = 0; round < 300; round++) {
      const alignment = [1, 8, 32, 64][randomInteger(random, 0, 3)]
      const overlap = randomInteger(random, 0, 3 * alignment)
      const least = Math.max(2, Math.ceil(overlap / alignment) + 1) * alignment
      const size = {
        overlap,
        width: least + randomInteger(random, 0, 300),
        height: least + randomInteger(random, 0, 300),
      }
      checkTileSize(size, alignment, 'test')
      const [width, height] = [randomInteger(random, 1, 1500), randomInteger(random, 1, 900)]
      const tiles = planTiles(width, height, size, alignment)
      const columns = [...new Set(tiles.map(({ x }) => x))]
      const rows = [...new Set(tiles.map(({ y }) => y))]
      expect(tiles).toHaveLength(columns.length * rows.length)
      const sound = tiles.filter(({ x, y, width: w, height: h }) => {
        const inside = w > 0 && h > 0 && x + w <= width && y + h <= height
        const aligned = x % alignment === 0 && y % alignment === 0 && (x + w === width || w % alignment === 0)
        return inside && aligned && w <= size.width && h <= size.height
      })
      expect(sound).toHaveLength(tiles.length)
      expectChain(
        tiles.filter(({ y }) => y === 0).map(({ x, width: w }) => [x, x + w]),
        width,
        overlap,
      )
      expectChain(
        tiles.filter(({ x }) => x === 0).map(({ y, height: h }) => [y, y + h]),
        height,
        overlap,
      )
    }
  })

  /** Expects spans from 0 to the end; each overlaps the one before by at least `overlap` and ends after it. */
  function expectChain(spans: number[][], length: number, overlap: number): void {
    expect(spans[0][0]).toBe(0)
    expect(spans.at(-1)?.[1]).toBe(length)
    const chained = spans
      .slice(1)
      .every(([start, end], i) => spans[i][1] - start >= overlap && end > spans[i][1])
    expect(chained).toBe(true)
  }

  test('keeps the last tile as large as the alignment without overlap, because networks have a smallest image', () => {
    for (let width = 65; width < 260; width++) {
      const tiles = planTiles(width, 32, { width: 64, height: 64, overlap: 0 }, 32)
      expect(Math.min(...tiles.map((tile) => tile.width))).toBeGreaterThanOrEqual(32)
    }
  })

  test('returns one tile for an image no larger than a tile', () => {
    const size = { width: 64, height: 48, overlap: 16 }
    expect(planTiles(64, 48, size, 8)).toEqual([{ x: 0, y: 0, width: 64, height: 48 }])
    expect(planTiles(65, 48, size, 8)).toEqual([
      { x: 0, y: 0, width: 64, height: 48 },
      { x: 48, y: 0, width: 17, height: 48 },
    ])
  })

  test.each([
    [64, 64, 64, '`tile` must be at least 96x96 pixels for slim with an overlap of 64, got 64x64.'],
    [64, 64, 100, '`tile` must be at least 160x160 pixels for slim with an overlap of 100, got 64x64.'],
    [63, 64, 0, '`tile` must be at least 64x64 pixels for slim with an overlap of 0, got 63x64.'],
  ])('refuses tiles of %ix%i with an overlap of %i', (width, height, overlap, message) => {
    expect(() => checkTileSize({ width, height, overlap }, 32, 'slim')).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message }),
    )
  })

  const accepted = "'auto', 'never' or an object { width, height, overlap }"
  test.each<[unknown, string]>([
    [{ width: 64, height: 95.5, overlap: 0 }, '`tile.height` must be an integer of at least 1, got 95.5.'],
    [{ width: 64, height: 64, overlap: -1 }, '`tile.overlap` must be an integer of at least 0, got -1.'],
    [
      { width: Number.NaN, height: 64, overlap: 0 },
      '`tile.width` must be an integer of at least 1, got NaN.',
    ],
    [{ width: 64, height: 64 }, '`tile.overlap` must be an integer of at least 0, got undefined.'],
    ['always', `\`tile\` must be ${accepted}, got "always".`],
    [64, `\`tile\` must be ${accepted}, got 64.`],
    [null, `\`tile\` must be ${accepted}, got null.`],
  ])('refuses the option %j', (tile, message) => {
    expect(() => checkTileOption(tile)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message }),
    )
  })
})

describe('TileBlender', () => {
  const random = seededRandom(32)
  const tensor = (n: number, c: number, h: number, w: number) => ({
    shape: [n, c, h, w],
    data: randomValues(random, n * c * h * w),
  })

  test('puts the tiles of a map back together', () => {
    for (let round = 0; round < 100; round++) {
      const [width, height] = [randomInteger(random, 1, 60), randomInteger(random, 1, 40)]
      const whole = tensor(2, 3, height, width)
      const tiles = planTiles(
        width,
        height,
        { width: 17, height: 12, overlap: randomInteger(random, 0, 6) },
        1,
      )
      const blender = new TileBlender(whole.shape)
      for (const tile of tiles) blender.add(cropTile(whole, tile), tile.x, tile.y)
      const { data, shape } = blender.finish()
      expect(shape).toEqual(whole.shape)
      expect(relativeError(data, whole.data)).toBeLessThan(1e-6)
    }
  })

  test('blends linearly from one tile to the next', () => {
    const blender = new TileBlender([1, 1, 1, 12])
    const tile = (value: number) => ({ shape: [1, 1, 1, 8], data: new Float32Array(8).fill(value) })
    blender.add(tile(0), 0, 0)
    blender.add(tile(1), 4, 0)
    const expected = [0, 0, 0, 0, 1 / 5, 2 / 5, 3 / 5, 4 / 5, 1, 1, 1, 1]
    blender.finish().data.forEach((value, x) => {
      expect(value).toBeCloseTo(expected[x], 6)
    })
  })
})
