import sharp from 'sharp'
import { expect, test } from 'vitest'
import { busiestCrop } from '../lib/crops.js'
import { EdgeScores } from '../lib/edge-scores.js'
import { labelPicture } from '../lib/pictures.js'
import type { Scores } from '../lib/score.js'
import { comparison } from '../lib/table.js'

test('F of edge pixels, at 0.5 and at the best threshold', () => {
  const scores = new EdgeScores()
  scores.add(Float32Array.of(0.9, 0.4, 0.6, 0.1), Uint8Array.of(1, 1, 0, 0))
  const { atHalf, best } = scores.compute()
  // At 0.5: one hit of two predicted and two true pixels. At 0.4 and below: two hits of three.
  expect(atHalf).toBeCloseTo(0.5)
  expect(best).toBeCloseTo(0.8)
})

test('the busiest crop has the most boundaries, and void is no boundary', () => {
  const target = new Uint8Array(64 * 32)
  // A small checkerboard of classes on the right, a larger one of class and void on the left.
  for (let y = 8; y < 16; y++) {
    for (let x = 48; x < 56; x++) target[y * 64 + x] = (x + y) % 2
    for (let x = 0; x < 16; x++) target[y * 64 + x] = (x + y) % 2 === 0 ? 0 : 255
  }
  const crop = busiestCrop(target, { width: 64, height: 32 }, { width: 8, height: 8 })
  expect(crop).toEqual({ x: 48, y: 8, width: 8, height: 8 })
})

test("lines are white between the labels shown, and black between the target's alone", async () => {
  const image = { width: 3, height: 1, data: new Uint8Array(9).fill(128) }
  const crop = { x: 0, y: 0, width: 3, height: 1 }
  const picture = await labelPicture(image, crop, Uint8Array.of(8, 8, 10), Uint8Array.of(8, 10, 10))
  const { data, info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true })
  const at = (x: number) => [...data.subarray(3 * x, 3 * x + 3)]
  const side = info.width / 3
  expect(at(side)).toEqual([0, 0, 0])
  expect(at(2 * side)).toEqual([255, 255, 255])
  expect(at(side + 3)).not.toEqual([0, 0, 0])
})

test('the table has each seed, and mean and deviation of the paired differences', () => {
  const scores = (value: number): Scores => ({
    ...{ meanIou: value, boundaryF1: value, boundaryF3: value, boundaryF5: value },
    ...{ edgeF: value, bestEdgeF: value },
  })
  const text = comparison([
    { seed: 1, without: scores(0.5), with: scores(0.53) },
    { seed: 2, without: scores(0.4), with: scores(0.41) },
  ])
  const lines = text.trimEnd().split('\n')
  expect(lines).toHaveLength(9)
  expect(lines[2]).toContain('| 1 | without | 50.00 |')
  expect(lines[6]).toContain('45.00 ± 7.07')
  expect(lines[8]).toContain('2.00 ± 1.41')
})
