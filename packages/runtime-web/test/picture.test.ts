import { describe, expect, test } from 'vitest'
import { classColors } from '../src/index.js'
import { type PaintStyle, paintSettings } from '../src/picture/style.js'

const picture = { numClasses: 19, edges: true }

describe('the style of a picture', () => {
  test('has defaults', () => {
    expect(paintSettings({}, picture)).toEqual({
      opacity: 0.6,
      colors: classColors(19),
      edges: undefined,
      highlight: undefined,
    })
    expect(paintSettings({ edges: true }, picture).edges).toEqual({ color: [255, 255, 255], threshold: 0.5 })
    expect(paintSettings({ edges: { color: [1, 2, 3] } }, picture).edges).toEqual({
      color: [1, 2, 3],
      threshold: 0.5,
    })
    const colors = new Uint8Array(1000).subarray(0, 3 * 19)
    expect(paintSettings({ colors }, picture).colors.buffer.byteLength).toBe(3 * 19)
    expect(paintSettings({ edges: false }, { numClasses: 19, edges: false }).edges).toBeUndefined()
  })

  test.each<[string, PaintStyle, typeof picture, RegExp]>([
    [
      'an opacity above 1',
      { opacity: 1.2 },
      picture,
      /^`opacity` must be a finite number from 0 to 1, got 1\.2\.$/,
    ],
    [
      'an opacity that is not a number',
      { opacity: Number.NaN },
      picture,
      /^`opacity` must be a finite number from 0 to 1, got NaN\.$/,
    ],
    [
      'colors for another number of classes',
      { colors: new Uint8Array(3 * 18) },
      picture,
      /^`colors` must be 3 bytes for each of 19 classes, got Uint8Array of 54 elements\.$/,
    ],
    [
      'a class that does not exist',
      { highlight: 19 },
      picture,
      /^`highlight` must be an integer from 0 to 18, got 19\.$/,
    ],
    [
      'a threshold of 1',
      { edges: { threshold: 1 } },
      picture,
      /^`edges\.threshold` must be a finite number above 0 and below 1, got 1\.$/,
    ],
    [
      'a color out of range',
      { edges: { color: [0, 256, 0] } },
      picture,
      /^`edges\.color` must be red, green and blue, each from 0 to 255, got \[0, 256, 0\]\.$/,
    ],
    [
      'edges that the picture does not have',
      { edges: true },
      { ...picture, edges: false },
      /^`edges` cannot be drawn: the picture has none\.$/,
    ],
    ['an opacity as text', { opacity: '1' as unknown as number }, picture, /`opacity` .*got "1"\.$/],
    [
      'colors in [0,1]',
      { colors: new Float32Array(3 * 19) as unknown as Uint8Array },
      picture,
      /^`colors` must be a Uint8Array or a Uint8ClampedArray, got Float32Array of 57 elements\.$/,
    ],
    [
      'edges as text',
      { edges: 'white' as unknown as true },
      picture,
      /^`edges` must be true, false or an object/,
    ],
    ['a color as text', { edges: { color: 'red' as never } }, picture, /`edges\.color` .*got "red"\.$/],
    [
      'null instead of a style',
      null as unknown as PaintStyle,
      picture,
      /^`style` must be an object, got null\.$/,
    ],
  ])('is refused with %s', (_, style, facts, message) => {
    expect(() => paintSettings(style, facts)).toThrow(
      expect.objectContaining({
        code: 'invalid-argument',
        message: expect.stringMatching(message),
      }),
    )
  })
})

test('class colors differ, and start at red', () => {
  const colors = classColors(19)
  const distinct = new Set(Array.from({ length: 19 }, (_, i) => colors.subarray(3 * i, 3 * i + 3).join()))
  expect(distinct.size).toBe(19)
  const [red, green, blue] = colors
  expect(red).toBeGreaterThan(200)
  expect(green).toBe(blue)
  expect(classColors(300)).toHaveLength(900)
})
