import { randomInteger, seededRandom } from '@inverseform/shared'
import { relativeError } from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { arrayReader } from '../src/maps/map-reader.js'
import {
  blendRows,
  type FeatureMap,
  gateRows,
  mapRows,
  meanRows,
  type Rows,
  resizeRows,
} from '../src/maps/rows.js'
import { blendScales, orderedScales, type ScaleOutput } from '../src/segment/scales.js'
import { mapOf, mapOfKind, planesOf } from './support/maps.js'
import { combine, type Plane, resize, valuesOf } from './support/naive.js'

function expectPlanes(rows: Rows, planes: readonly Plane[], tolerance = 1e-6): void {
  expect([rows.width, rows.height, rows.channels]).toEqual([planes[0].width, planes[0].height, planes.length])
  const actual = planes.map(() => new Float32Array(rows.width * rows.height))
  for (let y = 0; y < rows.height; y++) {
    const row = rows.row(y)
    expect(row).toHaveLength(rows.width * rows.channels)
    row.forEach((value, i) => {
      actual[i % rows.channels][y * rows.width + Math.floor(i / rows.channels)] = value
    })
  }
  for (const [c, plane] of planes.entries()) {
    expect(relativeError(actual[c], valuesOf(plane))).toBeLessThanOrEqual(tolerance)
  }
}

const random = seededRandom(21)
const randomMap = (width: number, height: number, channels: number) =>
  mapOfKind('random', random, width, height, channels)
const randomGate = (width: number, height: number) => mapOf(width, height, 1, random)

describe('rows', () => {
  test('resize like whole planes', () => {
    for (let round = 0; round < 25; round++) {
      const [w, h, width, height] = [20, 20, 70, 70].map((most) => randomInteger(random, 1, most))
      const map = randomMap(w, h, randomInteger(random, 1, 5))
      expectPlanes(
        resizeRows(mapRows(map), width, height),
        planesOf(map).map((p) => resize(p, width, height)),
      )
    }
  })

  test('resize twice, down and up', () => {
    const map = randomMap(31, 17, 3)
    const rows = resizeRows(resizeRows(mapRows(map), 12, 9), 40, 33)
    expectPlanes(
      rows,
      planesOf(map).map((p) => resize(resize(p, 12, 9), 40, 33)),
    )
  })

  test('return the same rows if the size does not change', () => {
    const rows = mapRows(randomMap(3, 4, 2))
    expect(resizeRows(rows, 3, 4)).toBe(rows)
  })

  test('can be read in any order', () => {
    const map = randomMap(7, 6, 2)
    const [forward, backward] = [resizeRows(mapRows(map), 20, 15), resizeRows(mapRows(map), 20, 15)]
    const expected = Array.from({ length: 15 }, (_, y) => forward.row(y).slice())
    for (let y = 14; y >= 0; y--) expect(backward.row(y)).toEqual(expected[y])
  })

  test('gate, blend and average', () => {
    const [a, b, gate] = [randomMap(9, 8, 3), randomMap(9, 8, 3), randomGate(9, 8)]
    const [attention] = planesOf(gate)
    const gated = planesOf(a).map((p) => combine([p, attention], (x, g) => x * g))
    expectPlanes(gateRows(mapRows(gate), mapRows(a)), gated)
    const blended = planesOf(b).map((p, c) =>
      combine([gated[c], attention, p], (x, g, rest) => x + (1 - g) * rest),
    )
    expectPlanes(blendRows(gateRows(mapRows(gate), mapRows(a)), mapRows(gate), mapRows(b)), blended)
    const mean = planesOf(a).map((p, c) => combine([p, planesOf(b)[c]], (x, y) => (x + y) / 2))
    expectPlanes(meanRows([mapRows(a), mapRows(b)]), mean)
    expectPlanes(meanRows([mapRows(a)]), planesOf(a))
  })
})

describe('blendScales', () => {
  /** Returns outputs at a quarter of each scaled size, like those of a network. */
  function outputs(
    scales: readonly number[],
    width: number,
    height: number,
    channels: number,
    attention: boolean,
  ) {
    return scales.map((scale): ScaleOutput<FeatureMap> => {
      const [w, h] = [Math.floor(width * scale), Math.floor(height * scale)]
      const [mw, mh] = [Math.ceil(w / 4), Math.ceil(h / 4)]
      return {
        scale,
        width: w,
        height: h,
        logits: randomMap(mw, mh, channels),
        ...(attention && { attention: randomGate(mw, mh) }),
      }
    })
  }

  const rowsOf = (maps: readonly ScaleOutput<FeatureMap>[]) =>
    maps.map(({ logits, attention, ...size }) => ({
      ...size,
      logits: mapRows(logits),
      attention: attention && mapRows(attention),
    }))

  /** Applies the published formulas to whole planes. */
  function blended(scales: readonly ScaleOutput<FeatureMap>[]): Plane[] {
    let prediction: Plane[] | undefined
    for (const { scale, width, height, logits, attention } of scales) {
      const classes = planesOf(logits).map((p) => resize(p, width, height))
      if (!prediction) {
        prediction = classes
        continue
      }
      const gate = resize(planesOf(attention!)[0], width, height)
      const previous = prediction
      prediction = classes.map((p, c) => {
        const before = previous[c]
        if (scale >= 1) {
          return combine([gate, p, resize(before, width, height)], (g, x, rest) => g * x + (1 - g) * rest)
        }
        const gated = resize(
          combine([gate, p], (g, x) => g * x),
          before.width,
          before.height,
        )
        const enlargedGate = resize(gate, before.width, before.height)
        return combine([gated, enlargedGate, before], (x, g, rest) => x + (1 - g) * rest)
      })
    }
    return prediction as Plane[]
  }

  test.each([[[1]], [[2, 1]], [[1, 0.5]], [[2, 1, 0.5, 0.25]], [[2, 1.5, 1, 0.75, 0.5]]])(
    'blends by attention, scales %j',
    (scales) => {
      const maps = outputs(scales, 45, 29, 4, true)
      expectPlanes(blendScales(arrayReader, rowsOf(maps), 45, 29), blended(maps), 1e-5)
    },
  )

  test('averages without attention', () => {
    const maps = outputs([2, 1, 0.5], 37, 22, 3, false)
    const resized = maps.map(({ logits }) => planesOf(logits).map((p) => resize(p, 37, 22)))
    const mean = resized[0].map((_, c) =>
      combine(
        resized.map((planes) => planes[c]),
        (...x) => x.reduce((a, b) => a + b) / x.length,
      ),
    )
    expectPlanes(blendScales(arrayReader, rowsOf(maps), 37, 22), mean)
  })
})

describe('scales', () => {
  test('are ordered from the largest to the smallest, each once', () => {
    expect(orderedScales([0.5, 1, 2, 0.5])).toEqual([2, 1, 0.5])
    expect(orderedScales([1])).toEqual([1])
  })

  test.each([
    [[0, 1], '`scales[0]` must be a finite number above 0 and of at most 8, got 0.'],
    [[-1, 1], '`scales[0]` must be a finite number above 0 and of at most 8, got -1.'],
    [[9, 1], '`scales[0]` must be a finite number above 0 and of at most 8, got 9.'],
    [[Number.NaN, 1], '`scales[0]` must be a finite number above 0 and of at most 8, got NaN.'],
    [[0.5, 2], '`scales` must be an array that includes 1, got [0.5, 2].'],
    [[], '`scales` must be an array that includes 1, got [].'],
  ])('%j are refused', (scales, message) => {
    expect(() => orderedScales(scales)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message }),
    )
  })
})
