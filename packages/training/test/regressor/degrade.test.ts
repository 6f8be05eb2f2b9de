import { boundaryPairs, sampleShift, sampleShiftAndScale } from '@inverseform/core/training'
import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { degrade } from '../../src/regressor/degrade.js'

const [height, width] = [40, 60]
/** Lines along both axes. */
const map = {
  data: Float32Array.from({ length: height * width }, (_, p) =>
    Math.floor(p / width) % 9 < 2 || (p % width) % 13 < 2 ? 1 : 0,
  ),
  height,
  width,
}

const batchOf = (transform: typeof sampleShift | typeof sampleShiftAndScale) =>
  boundaryPairs([map], {
    random: seededRandom(2),
    transform,
    tileSize: [16, 16],
    stride: [4, 4],
    batchSize: 256,
  }).next().value

const tilesOf = (data: ArrayLike<number>, pair: number) =>
  Array.from(data).slice(pair * 256, (pair + 1) * 256)
const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)

describe('degrade', () => {
  const batch = batchOf(sampleShiftAndScale)
  const degraded = degrade(batch, seededRandom(1))

  it('leaves probabilities, and targets that are as before or empty', () => {
    expect(degraded.predictions.every((value) => value >= 0 && value <= 1)).toBe(true)
    let empty = 0
    for (let pair = 0; pair < 256; pair++) {
      const target = tilesOf(degraded.tiles, pair)
      if (total(target) === 0) empty++
      else expect(target).toEqual(tilesOf(batch.tiles.data, pair))
    }
    expect(empty).toBeGreaterThan(3)
    expect(empty).toBeLessThan(40)
  })

  it('keeps displacements and never lowers scales', () => {
    for (let pair = 0; pair < 256; pair++) {
      if (total(tilesOf(degraded.tiles, pair)) === 0) continue
      const [before, after] = [batch.parameters.data, degraded.parameters].map((rows) =>
        Array.from(rows).slice(4 * pair, 4 * pair + 4),
      )
      expect(after.slice(0, 2)).toEqual(before.slice(0, 2))
      for (const axis of [2, 3]) {
        const factor = (1 + after[axis]) / (1 + before[axis])
        expect(factor).toBeGreaterThan(1 - 1e-6)
        expect(factor).toBeLessThan(1.25 + 1e-6)
      }
    }
  })

  it('calls predictions that show less smaller', () => {
    const contrast = (pair: number) => {
      const prediction = tilesOf(degraded.predictions, pair)
      return Math.max(...prediction) - Math.min(...prediction)
    }
    const factor = (pair: number) =>
      (1 + degraded.parameters[4 * pair + 2]) / (1 + batch.parameters.data[4 * pair + 2])
    const pairs = Array.from({ length: 256 }, (_, pair) => pair)
    const faint = pairs.filter((pair) => contrast(pair) < 0.3 && total(tilesOf(degraded.tiles, pair)) > 0)
    expect(faint.length).toBeGreaterThan(5)
    for (const pair of faint) expect(factor(pair)).toBeGreaterThan(1.05)
  })

  it('leaves parameters without scale, and gives the same for the same seed', () => {
    const shifts = batchOf(sampleShift)
    const [first, second] = [degrade(shifts, seededRandom(1)), degrade(shifts, seededRandom(1))]
    expect(second).toEqual(first)
    for (let pair = 0; pair < 256; pair++) {
      if (total(tilesOf(first.tiles, pair)) === 0) continue
      expect(Array.from(first.parameters.slice(2 * pair, 2 * pair + 2))).toEqual(
        Array.from(shifts.parameters.data).slice(2 * pair, 2 * pair + 2),
      )
    }
  })
})
