import { describe, expect, it } from 'vitest'
import { colorize, edgeImage, edgeOverlay, errorColors, errorMask, overlay, palette } from '../src/index.js'

describe('colorize', () => {
  it('colors each class and draws other ids black', () => {
    const ids = Uint8Array.from({ length: 256 }, (_, i) => i)
    expect([...colorize(ids)]).toEqual([...palette.flat(), ...new Array(237 * 3).fill(0)])
    expect([
      ...colorize(Int16Array.of(-1, 1), [
        [1, 2, 3],
        [4, 5, 6],
      ]),
    ]).toEqual([0, 0, 0, 4, 5, 6])
  })
})

describe('overlay', () => {
  const rgb = Uint8Array.of(10, 20, 30, 200, 100, 0)
  it('blends colors by opacity and keeps ignored pixels and the input', () => {
    expect([...overlay(rgb, Uint8Array.of(0, 255), 0.5)]).toEqual([69, 42, 79, 200, 100, 0])
    expect(overlay(rgb, Uint8Array.of(0, 1), 0)).toEqual(rgb)
    expect(overlay(rgb, Uint8Array.of(0, 1), 1)).toEqual(colorize(Uint8Array.of(0, 1)))
    expect([...rgb]).toEqual([10, 20, 30, 200, 100, 0])
  })
  it('rejects wrong sizes and opacities', () => {
    expect(() => overlay(rgb, new Uint8Array(3))).toThrow(
      '`rgb` must have 9 elements, three bytes for each of 3 pixels, got 6.',
    )
    for (const opacity of [-0.1, 1.1, NaN]) {
      expect(() => overlay(rgb, new Uint8Array(2), opacity)).toThrow(
        `\`opacity\` must be a finite number from 0 to 1, got ${opacity}.`,
      )
    }
  })
})

describe('errorMask', () => {
  it('draws right, wrong and ignored pixels', () => {
    const { right, wrong, ignored } = errorColors
    expect([...errorMask(Uint8Array.of(3, 3, 255, 19), Uint8Array.of(3, 4, 4, 19))]).toEqual(
      [right, wrong, ignored, ignored].flat(),
    )
    expect([...errorMask(Int8Array.of(-1), Int8Array.of(-1))]).toEqual([...ignored])
    expect(() => errorMask(new Uint8Array(2), new Uint8Array(3))).toThrow(
      '`prediction` must have 2 elements, one for each element of `target`, got 3.',
    )
  })

  it('has colors of clearly different lightness', () => {
    // Relative luminance and contrast ratio after WCAG 2.
    const luminance = (rgb: readonly number[]): number => {
      const [r, g, b] = rgb.map((v) =>
        v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4,
      )
      return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    const sorted = Object.values(errorColors)
      .map(luminance)
      .sort((a, b) => a - b)
    for (let i = 1; i < sorted.length; i++) {
      expect((sorted[i] + 0.05) / (sorted[i - 1] + 0.05)).toBeGreaterThan(2)
    }
  })
})

describe('edge pictures', () => {
  const edges = Float32Array.of(0, 0.5, 1, -3, 7, NaN)
  it('are gray by clamped probability', () => {
    expect([...edgeImage(edges)].filter((_, i) => i % 3 === 0)).toEqual([0, 128, 255, 0, 255, 0])
    const gray = edgeImage(edges)
    gray.forEach((value, i) => {
      expect(value).toBe(gray[i - (i % 3)])
    })
  })
  it('blend a color over the picture by probability', () => {
    const rgb = new Uint8Array(18).fill(100)
    expect([...edgeOverlay(rgb, edges, [200, 0, 100])]).toEqual(
      [
        [100, 100, 100],
        [150, 50, 100],
        [200, 0, 100],
        [100, 100, 100],
        [200, 0, 100],
        [100, 100, 100],
      ].flat(),
    )
    expect(() => edgeOverlay(rgb, new Uint8Array(5))).toThrow(
      '`rgb` must have 15 elements, three bytes for each of 5 pixels, got 18.',
    )
  })
})

describe('argument checks', () => {
  const ids = new Uint8Array(2)
  const floats = Float32Array.of(0, 0.5, 1, 0, 0.5, 1)
  const words = new Uint16Array(6)
  const bytes = 'must be a Uint8Array or a Uint8ClampedArray, got'

  it('rejects pixels that are not bytes', () => {
    for (const [rgb, found] of [
      [floats, 'Float32Array of 6 elements'],
      [words, 'Uint16Array of 6 elements'],
    ] as const) {
      expect(() => overlay(rgb as never, ids)).toThrow(`\`rgb\` ${bytes} ${found}.`)
      expect(() => edgeOverlay(rgb as never, ids)).toThrow(`\`rgb\` ${bytes} ${found}.`)
    }
    expect(overlay(new Uint8ClampedArray(6), ids)).toHaveLength(6)
  })

  it('rejects ids that are not integers', () => {
    const integers = 'must be a typed array of integers of at most 32 bits, such as Uint8Array or Int32Array'
    const found = 'got Float32Array of 6 elements.'
    expect(() => colorize(floats as never)).toThrow(`\`trainIds\` ${integers}, ${found}`)
    expect(() => overlay(new Uint8Array(18), floats as never)).toThrow(`\`trainIds\` ${integers}, ${found}`)
    expect(() => errorMask(floats as never, ids)).toThrow(`\`target\` ${integers}, ${found}`)
    expect(() => errorMask(ids, floats as never)).toThrow(`\`prediction\` ${integers}, ${found}`)
  })

  it('rejects palettes, colors and edges of other types', () => {
    expect(() => colorize(ids, [[0, 0, 256]])).toThrow(
      '`palette[0]` must be a color [red, green, blue] of integers from 0 to 255, got [0, 0, 256].',
    )
    expect(() => colorize(ids, {} as never)).toThrow('`palette` must be an array')
    expect(() => edgeOverlay(new Uint8Array(6), ids, [1, 2] as never)).toThrow('`color` must be a color')
    expect(() => edgeImage('edges' as never)).toThrow('`edges` must be an array of numbers, got "edges".')
    expect(() => errorMask(ids, ids, 0)).toThrow('`numClasses` must be an integer of at least 1, got 0.')
  })
})
