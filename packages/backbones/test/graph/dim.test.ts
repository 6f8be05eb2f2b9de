import { randomInteger, seededRandom } from '@inverseform/shared'
import { describe, expect, test } from 'vitest'
import { evaluateDim, formatDim, multiplyDims, sameDim, windowDim } from '../../src/graph/dim.js'
import { type Dim, symbol } from '../../src/graph/index.js'

interface Window {
  readonly kernel: number
  readonly stride: number
  readonly padding: number
}

function randomWindows(random: () => number): Window[] {
  return Array.from({ length: randomInteger(random, 0, 5) }, () => ({
    kernel: randomInteger(random, 1, 7),
    stride: randomInteger(random, 1, 4),
    padding: randomInteger(random, 0, 6),
  }))
}

const slide = (size: Dim, windows: readonly Window[]) =>
  windows.reduce<Dim>((dim, { kernel, stride, padding }) => windowDim(dim, kernel, stride, padding), size)

/** How many places a window fits, counted one by one. */
function countPlaces(size: number, { kernel, stride, padding }: Window): number {
  let places = 0
  for (let start = 0; start + kernel <= size + padding; start += stride) places++
  return places
}

describe('symbolic sizes', () => {
  test('follow windows as counting does', () => {
    const random = seededRandom(1)
    for (let round = 0; round < 500; round++) {
      const windows = randomWindows(random)
      const dim = slide(symbol('H'), windows)
      const size = randomInteger(random, 200, 4000)
      const counted = windows.reduce(countPlaces, size)
      expect(counted).toBeGreaterThan(0)
      expect(evaluateDim(dim, { H: size })).toBe(counted)
      expect(slide(size, windows)).toBe(counted)
    }
  })

  test('multiply', () => {
    const random = seededRandom(2)
    for (let round = 0; round < 200; round++) {
      const [a, b] = [randomWindows(random), randomWindows(random)]
      const factor = randomInteger(random, 1, 9)
      const product = multiplyDims(factor, multiplyDims(slide(symbol('H'), a), slide(symbol('W'), b)))
      const [H, W] = [randomInteger(random, 200, 999), randomInteger(random, 200, 999)]
      expect(evaluateDim(product, { H, W })).toBe(
        factor * a.reduce(countPlaces, H) * b.reduce(countPlaces, W),
      )
    }
  })

  test('are the same exactly when they are equal for every size', () => {
    const random = seededRandom(3)
    let same = 0
    for (let round = 0; round < 2000; round++) {
      // Few choices, so that different ways often lead to the same size.
      const small = () =>
        Array.from({ length: randomInteger(random, 0, 3) }, () => {
          const stride = randomInteger(random, 1, 2)
          return { kernel: randomInteger(random, 1, 3), stride, padding: randomInteger(random, 0, 2) }
        })
      const [a, b] = [slide(symbol('H'), small()), slide(symbol('H'), small())]
      const equal = Array.from({ length: 64 }, (_, i) => 50 + i).every(
        (H) => evaluateDim(a, { H }) === evaluateDim(b, { H }),
      )
      expect(sameDim(a, b), `${formatDim(a)} and ${formatDim(b)}`).toBe(equal)
      expect(sameDim(multiplyDims(a, b), multiplyDims(b, a))).toBe(true)
      same += Number(equal)
    }
    expect(same).toBeGreaterThan(100)
  })

  test('read well', () => {
    const H = symbol('H')
    expect(formatDim(19)).toBe('19')
    expect(formatDim(H)).toBe('H')
    expect(formatDim(windowDim(H, 3, 2, 2))).toBe('floor((H + 1) / 2)')
    expect(formatDim(windowDim(H, 3, 1, 0))).toBe('(H - 2)')
    expect(formatDim(multiplyDims(2, multiplyDims(H, symbol('W'))))).toBe('2 * H * W')
  })

  test('have errors that say what is missing', () => {
    expect(() => evaluateDim(symbol('H'), { W: 3 })).toThrow('The size H has no value.')
    expect(() => windowDim(multiplyDims(symbol('H'), symbol('W')), 3, 1, 0)).toThrow(
      'A convolution cannot run over an axis of size H * W.',
    )
  })
})
