import { describe, expect, test } from 'vitest'
import {
  classColors,
  type PaintableSegmentation,
  type PaintStyle,
  paint,
  type RgbImage,
} from '../src/index.js'

const COLOR = [10, 250, 90] as const

function imageOf(width: number, height: number): RgbImage {
  return { width, height, data: Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 37) % 256) }
}

/** Labels from a function of a pixel's center, in an image with a network's other facts. */
function segmentationOf(
  width: number,
  height: number,
  label: (x: number, y: number) => number,
): PaintableSegmentation {
  const at = (i: number) => label((i % width) + 0.5, Math.floor(i / width) + 0.5)
  return {
    width,
    height,
    numClasses: 19,
    labels: Uint8Array.from({ length: width * height }, (_, i) => at(i)),
  }
}

/** Returns how much each pixel is covered by outlines, from black ones on white. */
function coverage(segmentation: PaintableSegmentation, lineWidth: number): number[] {
  const { width, height } = segmentation
  const white = { width, height, data: new Uint8Array(3 * width * height).fill(255) }
  const style = { opacity: 0, outlines: { color: [0, 0, 0], width: lineWidth } } as const
  const { data } = paint(white, segmentation, style)
  return Array.from({ length: width * height }, (_, i) => 1 - data[4 * i] / 255)
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** Paints one pixel straight from the documented rules, with a two-dimensional filter and no shortcuts. */
function naivePixel(
  image: RgbImage,
  { labels, edges, numClasses }: PaintableSegmentation,
  style: PaintStyle,
  x: number,
  y: number,
): number[] {
  const { width, height, data } = image
  const binomials = [1, 4, 6, 4, 1]
  const groupAt = (column: number, row: number) => {
    const inside = (value: number, size: number) => Math.max(0, Math.min(size - 1, value))
    const label = labels[inside(row, height) * width + inside(column, width)]
    return style.highlight === undefined ? label : label === style.highlight
  }
  let share = 0
  for (let dy = -2; dy <= 2; dy++) {
    for (let dx = -2; dx <= 2; dx++) {
      if (groupAt(x + dx, y + dy) === groupAt(x, y)) share += (binomials[dx + 2] * binomials[dy + 2]) / 256
    }
  }
  const i = y * width + x
  const outlines = typeof style.outlines === 'object' ? style.outlines : {}
  const { width: lineWidth = 1.5, color: outline = [255, 255, 255] } = outlines
  const distance = 0.5 + (share - 11 / 16) * 4
  const covered = (style.outlines ?? !style.edges) ? lineWidth / 2 - distance + 0.5 : 0
  const edgeStyle = typeof style.edges === 'object' ? style.edges : {}
  const { threshold = 0.5, color: edge = [255, 255, 255] } = edgeStyle
  const probability = style.edges && edges && edges[i] >= threshold ? edges[i] : 0
  const colors = classColors(numClasses)
  return [0, 1, 2].map((c) => {
    const under = data[3 * i + c]
    const opacity = style.opacity ?? 0.5
    const shown = style.highlight !== undefined && labels[i] !== style.highlight
    let value = shown ? 0.4 * under : (1 - opacity) * under + opacity * colors[3 * labels[i] + c]
    const alpha = Math.max(0, Math.min(1, covered))
    value = (1 - alpha) * value + alpha * outline[c]
    return (1 - probability) * value + probability * edge[c]
  })
}

describe('a painted image', () => {
  const [width, height] = [41, 29]
  const image = imageOf(width, height)
  // Blobs, thin lines, single pixels and corners where several classes meet.
  const segmentation = {
    ...segmentationOf(width, height, (x, y) =>
      x === y + 0 || Math.hypot(x - 12, y - 12) < 7
        ? 4
        : Math.floor(x * 7 + y * 13) % 101 === 0
          ? 18
          : Math.floor(x / 14) + 3 * Math.floor(y / 15),
    ),
    edges: Float32Array.from({ length: width * height }, (_, i) => ((i * 29) % 100) / 100),
  }

  test.each<[string, PaintStyle]>([
    ['by default', {}],
    ['without colors', { opacity: 0 }],
    ['with wide outlines of a color', { outlines: { width: 2, color: COLOR } }],
    ['without outlines', { outlines: false, opacity: 0.8 }],
    ['with the edges of the network', { edges: { threshold: 0.3, color: COLOR } }],
    ['with edges over outlines', { edges: true, outlines: true }],
    ['with a highlighted class', { highlight: 4 }],
  ])('equals a plain computation %s', (_, style) => {
    const painted = paint(image, segmentation, style)
    expect(painted).toMatchObject({ width, height })
    for (let i = 0; i < width * height; i++) {
      const [red, green, blue, alpha] = painted.data.subarray(4 * i, 4 * i + 4)
      expect(alpha).toBe(255)
      naivePixel(image, segmentation, style, i % width, Math.floor(i / width)).forEach((value, c) => {
        expect(Math.abs([red, green, blue][c] - value)).toBeLessThanOrEqual(0.5 + 1e-6)
      })
    }
  })

  test('has labels of 16 bits too', () => {
    const wide = { ...segmentation, labels: Uint16Array.from(segmentation.labels) }
    expect(paint(image, wide)).toEqual(paint(image, segmentation))
  })

  test.each([
    [3, 2],
    [1, 1],
    [1, 9],
    [9, 1],
  ])('may be as small as %i x %i', (columns, rows) => {
    const small = segmentationOf(columns, rows, (x, y) => Math.floor(x + y) % 3)
    const painted = paint(imageOf(columns, rows), small)
    for (let i = 0; i < columns * rows; i++) {
      const expected = naivePixel(imageOf(columns, rows), small, {}, i % columns, Math.floor(i / columns))
      expect(Math.abs(painted.data[4 * i] - expected[0])).toBeLessThanOrEqual(0.5 + 1e-6)
    }
  })
})

describe('outlines', () => {
  test('cover half of their width on each side of a straight boundary', () => {
    const half = segmentationOf(8, 3, (x) => Number(x > 4))
    const row = (lineWidth: number) => coverage(half, lineWidth).slice(8, 16)
    expect(row(2)).toEqual([0, 0, 0, 1, 1, 0, 0, 0])
    for (const [i, value] of row(1.5).entries()) expect(value).toBeCloseTo([3, 4].includes(i) ? 0.75 : 0, 2)
    for (const [i, value] of row(1).entries()) expect(value).toBeCloseTo([3, 4].includes(i) ? 0.5 : 0, 2)
  })

  test.each([0, 15, 30, 45, 60, 80])('are as wide at %i degrees', (degrees) => {
    const size = 96
    const angle = (degrees * Math.PI) / 180
    const [dx, dy] = [Math.cos(angle), Math.sin(angle)]
    const half = segmentationOf(size, size, (x, y) =>
      Number((x - size / 2) * dx + (y - size / 2) * dy > 0.25),
    )
    // The length of a line through the middle of a square.
    const length = size / Math.max(Math.abs(dx), Math.abs(dy))
    for (const lineWidth of [1, 1.5, 2]) {
      const area = sum(coverage(half, lineWidth))
      expect(area / (lineWidth * length)).toBeGreaterThan(0.85)
      expect(area / (lineWidth * length)).toBeLessThan(1.15)
    }
  })

  test('are smooth along a circle: opaque on it, and gone two pixels away', () => {
    const [size, radius] = [64, 22]
    const distance = (x: number, y: number) => Math.hypot(x - size / 2, y - size / 2) - radius
    const circle = segmentationOf(size, size, (x, y) => Number(distance(x, y) < 0))
    const covered = coverage(circle, 1.5)
    const intermediate = covered.filter((value) => value > 0.1 && value < 0.6)
    expect(intermediate.length).toBeGreaterThan(50)
    covered.forEach((value, i) => {
      const away = Math.abs(distance((i % size) + 0.5, Math.floor(i / size) + 0.5))
      if (away > 2) expect(value).toBe(0)
      if (away < 0.4) expect(value).toBeGreaterThan(0.5)
    })
  })

  test('do not follow the frame of the image, and enclose only a highlighted class', () => {
    expect(
      sum(
        coverage(
          segmentationOf(9, 7, () => 3),
          2,
        ),
      ),
    ).toBe(0)
    const thirds = segmentationOf(24, 5, (x) => Math.floor(x / 8))
    const black = { width: 24, height: 5, data: new Uint8Array(3 * 24 * 5) }
    const { data } = paint(black, thirds, { opacity: 0, highlight: 2 })
    const row = Array.from({ length: 24 }, (_, x) => data[4 * (2 * 24 + x)])
    expect(row.findIndex((value) => value > 0)).toBe(15)
    expect(row.findLastIndex((value) => value > 0)).toBe(16)
  })
})

describe('painting refuses', () => {
  const segmentation = segmentationOf(6, 4, () => 0)
  test.each<[string, () => unknown, string, RegExp]>([
    [
      'the segmentation of another image',
      () => paint(imageOf(6, 5), segmentation),
      'size-mismatch',
      /`labels` .*6x5 pixels/,
    ],
    [
      'edges without edges',
      () => paint(imageOf(6, 4), segmentation, { edges: true }),
      'invalid-argument',
      /^`edges` cannot be drawn: there are none\.$/,
    ],
    [
      'no segmentation',
      () => paint(imageOf(6, 4), undefined as unknown as PaintableSegmentation),
      'invalid-argument',
      /^`segmentation` must be the result of `segment`, with its labels, got undefined\.$/,
    ],
    [
      'labels that are not integers',
      () => paint(imageOf(6, 4), { ...segmentation, labels: new Float32Array(24) as unknown as Uint8Array }),
      'invalid-argument',
      /^`labels` must be a typed array of integers/,
    ],
    ['a path', () => paint('a.png' as unknown as RgbImage, segmentation), 'invalid-argument', /`image`/],
  ])('%s', (_, call, code, message) => {
    expect(call).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }))
  })
})
