import { describe, expect, it } from 'vitest'
import { colourise, edgeImage, edgeOverlay, errorColours, errorMask, overlay, palette } from '../src/index.js'

describe('colourise', () => {
  it('gives each class its colour and all else black', () => {
    const ids = Uint8Array.from({ length: 256 }, (_, i) => i)
    expect([...colourise(ids)]).toEqual([...palette.flat(), ...new Array(237 * 3).fill(0)])
    expect([
      ...colourise(Int16Array.of(-1, 1), [
        [1, 2, 3],
        [4, 5, 6],
      ]),
    ]).toEqual([0, 0, 0, 4, 5, 6])
  })
})

describe('overlay', () => {
  const rgb = Uint8Array.of(10, 20, 30, 200, 100, 0)
  it('blends the colours by opacity and leaves ignored pixels and its input alone', () => {
    expect([...overlay(rgb, Uint8Array.of(0, 255), 0.5)]).toEqual([69, 42, 79, 200, 100, 0])
    expect(overlay(rgb, Uint8Array.of(0, 1), 0)).toEqual(rgb)
    expect(overlay(rgb, Uint8Array.of(0, 1), 1)).toEqual(colourise(Uint8Array.of(0, 1)))
    expect([...rgb]).toEqual([10, 20, 30, 200, 100, 0])
  })
  it('refuses sizes that do not fit and impossible opacities', () => {
    expect(() => overlay(rgb, new Uint8Array(3))).toThrow(/expected 9 elements, found 6/)
    for (const opacity of [-0.1, 1.1, NaN])
      expect(() => overlay(rgb, new Uint8Array(2), opacity)).toThrow(/opacity/)
  })
})

describe('errorMask', () => {
  it('tells right, wrong and ignored apart', () => {
    const { right, wrong, ignored } = errorColours
    expect([...errorMask(Uint8Array.of(3, 3, 255, 19), Uint8Array.of(3, 4, 4, 19))]).toEqual(
      [right, wrong, ignored, ignored].flat(),
    )
    expect([...errorMask(Int8Array.of(-1), Int8Array.of(-1))]).toEqual([...ignored])
    expect(() => errorMask(new Uint8Array(2), new Uint8Array(3))).toThrow(/expected 2 elements, found 3/)
  })

  it('has colours of clearly different lightness', () => {
    // Relative luminance and contrast ratio after WCAG 2.
    const luminance = (rgb: readonly number[]): number => {
      const [r, g, b] = rgb.map((v) =>
        v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4,
      )
      return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
    }
    const sorted = Object.values(errorColours)
      .map(luminance)
      .sort((a, b) => a - b)
    for (let i = 1; i < sorted.length; i++)
      expect((sorted[i]! + 0.05) / (sorted[i - 1]! + 0.05)).toBeGreaterThan(2)
  })
})

describe('edge pictures', () => {
  const edges = Float32Array.of(0, 0.5, 1, -3, 7, NaN)
  it('are grey by probability, clamped', () => {
    expect([...edgeImage(edges)].filter((_, i) => i % 3 === 0)).toEqual([0, 128, 255, 0, 255, 0])
    const grey = edgeImage(edges)
    grey.forEach((value, i) => {
      expect(value).toBe(grey[i - (i % 3)])
    })
  })
  it('blend a colour over the picture by probability', () => {
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
    expect(() => edgeOverlay(rgb, new Uint8Array(5))).toThrow(/expected 15 elements, found 18/)
  })
})
