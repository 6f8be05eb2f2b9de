import { randomInteger, seededRandom } from '@inverseform/shared'
import { relativeError } from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { argmaxLabels, enlargedLabels, readPlane, readRows } from '../src/maps/labels.js'
import { featureMap, mapRows, resizeRows } from '../src/maps/rows.js'
import { mapKinds, mapOf, mapOfKind, planesOf } from './support/maps.js'
import { plane, resize, softmax, valuesOf } from './support/naive.js'

/** Returns how far labels are from the largest logit at worst, and how often they are not the first of the largest. */
function judge(labels: ArrayLike<number>, logits: readonly Float64Array[]) {
  let [worst, notFirst] = [0, 0]
  for (let i = 0; i < labels.length; i++) {
    const values = logits.map((channel) => channel[i])
    const largest = Math.max(...values)
    worst = Math.max(worst, largest - values[labels[i]])
    if (values.indexOf(largest) !== labels[i]) notFirst++
  }
  return { worst, notFirst }
}

describe('enlargedLabels', () => {
  const sizes = [
    [1, 1, 7, 5],
    [1, 4, 9, 3],
    [5, 4, 5, 4],
    [8, 6, 64, 48],
    [8, 6, 61, 45],
    [12, 8, 93, 61],
    [17, 9, 18, 10],
    [16, 16, 5, 7],
    [33, 21, 1, 1],
    [2, 2, 31, 1],
  ] as const

  test.each(mapKinds)('returns the labels of the enlarged logits: %s', (kind) => {
    const random = seededRandom(11)
    for (const [w, h, width, height] of sizes) {
      for (const channels of [1, 2, 19]) {
        const map = mapOfKind(kind, random, w, h, channels)
        const labels = enlargedLabels(map, width, height)
        const logits = planesOf(map).map((channel) => valuesOf(resize(channel, width, height)))
        expect(labels).toHaveLength(width * height)
        const { worst, notFirst } = judge(labels, logits)
        expect(worst).toBeLessThanOrEqual(1e-12)
        // Where no two logits are within rounding, the class is exact.
        if (kind === 'random' || kind === 'smooth') expect(notFirst).toBe(0)
      }
    }
  })

  test('supports more than 256 classes', () => {
    const map = mapOf(3, 2, 300, (y, x, c) => (c === 290 - x - y ? 1 : 0))
    expect(enlargedLabels(map, 3, 2)).toEqual(Uint16Array.of(290, 289, 288, 289, 288, 287))
    expect(argmaxLabels(map)).toEqual(enlargedLabels(map, 3, 2))
  })

  test('returns the first of equal classes, as NumPy and PyTorch do', () => {
    expect(
      enlargedLabels(
        mapOf(2, 2, 3, () => 1),
        5,
        5,
      ),
    ).toEqual(new Uint8Array(25))
    expect(argmaxLabels(mapOf(1, 1, 4, (_y, _x, c) => [0, 2, 2, 1][c]))).toEqual(Uint8Array.of(1))
  })
})

describe('readRows', () => {
  const random = seededRandom(12)
  const map = mapOfKind('random', random, 9, 6, 19)
  const logits = planesOf(map).map((channel) => valuesOf(resize(channel, 50, 31)))
  const rows = () => resizeRows(mapRows(map), 50, 31)
  const all = readRows(rows(), { labels: true, confidence: true, logits: true })

  test('returns the class of the largest logit', () => {
    expect(judge(all.labels as Uint8Array, logits).worst).toBeLessThanOrEqual(1e-5)
  })

  test('returns logits as planes', () => {
    const expected = logits.flatMap((channel) => [...channel])
    expect(all.logits).toHaveLength(expected.length)
    expect(relativeError(all.logits!, expected)).toBeLessThan(1e-6)
  })

  test.each([0.1, 1, 30, 1e4])('returns the softmax probability of the label, logits times %s', (factor) => {
    const spread = mapOf(9, 6, 19, (y, x, c) => factor * map.data[(y * 9 + x) * 19 + c])
    const { confidence } = readRows(mapRows(spread), { confidence: true })
    const planes = planesOf(spread)
    for (let y = 0; y < 6; y++) {
      for (let x = 0; x < 9; x++) {
        const expected = Math.max(...softmax(planes.map((channel) => channel.at(y, x))))
        // float32 rounds to 6e-8.
        expect(Math.abs(confidence![y * 9 + x] / expected - 1)).toBeLessThan(1e-7)
      }
    }
  })

  test('returns only what is wanted', () => {
    expect(readRows(rows(), { labels: true })).toEqual({ labels: all.labels })
    expect(readRows(rows(), { confidence: true })).toEqual({ confidence: all.confidence })
    expect(readRows(rows(), { logits: true, labels: false })).toEqual({ logits: all.logits })
    expect(readRows(rows(), {})).toEqual({})
  })
})

test('readPlane maps each value', () => {
  const random = seededRandom(13)
  const map = mapOfKind('random', random, randomInteger(random, 3, 9), 4, 1)
  const expected = valuesOf(resize(plane(map.data, map.width, map.height), 20, 11)).map(
    (x) => 1 / (1 + Math.exp(-x)),
  )
  const edges = readPlane(resizeRows(mapRows(map), 20, 11), (x) => 1 / (1 + Math.exp(-x)))
  expect(edges).toHaveLength(220)
  edges.forEach((edge, i) => {
    expect(Math.abs(edge - expected[i])).toBeLessThan(1e-6)
  })
})

describe('featureMap', () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('refuses %d', (value) => {
    const data = Float32Array.from({ length: 2 * 3 * 20 }, (_, i) => i - 60)
    data[data.length - 5] = value
    const tensor = { data, shape: [2, 3, 4, 5] }
    expect(featureMap(tensor, 0, 'logits').data).toHaveLength(60)
    expect(() => featureMap(tensor, 1, 'logits')).toThrow(
      expect.objectContaining({
        code: 'inference-failed',
        message: `The network's output \`logits\` has the value ${value} for \`images[1]\`.`,
      }),
    )
  })

  test('accepts the largest floats', () => {
    const data = Float32Array.of(3.4e38, -3.4e38, 1e-45, 0)
    expect(featureMap({ data, shape: [1, 4, 1, 1] }, 0, 'logits').data).toEqual(data)
  })
})
