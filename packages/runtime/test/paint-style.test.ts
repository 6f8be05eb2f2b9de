import { palette } from '@inverseform/cityscapes'
import { classTables } from '@inverseform/cityscapes/classes'
import { describe, expect, test } from 'vitest'
import { type Color, classColors, type PaintStyle, paintSettings as settingsOf } from '../src/index.js'

const picture = { numClasses: 19, edges: true }
const paintSettings = (style: PaintStyle, facts: typeof picture) =>
  settingsOf(style, facts, 'How to get edges.')
const outlines = { color: [255, 255, 255], width: 1.5 }

describe('the style of a picture', () => {
  test('has defaults', () => {
    expect(paintSettings({}, picture)).toEqual({
      opacity: 0.5,
      colors: classColors(19),
      outlines,
      edges: undefined,
      highlight: undefined,
    })
    expect(paintSettings({ edges: true }, picture).edges).toEqual({ color: [255, 255, 255], threshold: 0.5 })
    expect(paintSettings({ edges: true }, picture).outlines).toBeUndefined()
    expect(paintSettings({ edges: true, outlines: true }, picture).outlines).toEqual(outlines)
    expect(paintSettings({ outlines: false }, picture).outlines).toBeUndefined()
    expect(paintSettings({ outlines: { width: 2 } }, picture).outlines).toEqual({ ...outlines, width: 2 })
    expect(paintSettings({ edges: { color: [1, 2, 3] } }, picture).edges).toEqual({
      color: [1, 2, 3],
      threshold: 0.5,
    })
    const colors = new Uint8Array(1000).subarray(0, 3 * 19)
    expect(paintSettings({ colors }, picture).colors.buffer.byteLength).toBe(3 * 19)
    expect(paintSettings({ edges: false }, { numClasses: 19, edges: false }).edges).toBeUndefined()
  })

  test('accepts palettes of data sets', () => {
    const two: readonly Color[] = [
      [1, 2, 3],
      [4, 5, 255],
    ]
    expect([...paintSettings({ colors: two }, { numClasses: 2, edges: false }).colors]).toEqual([
      1, 2, 3, 4, 5, 255,
    ])
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
      'a palette for another number of classes',
      { colors: [[0, 0, 0]] },
      picture,
      /^`colors` must be a color for each of 19 classes, got \[\[0, 0, 0\]\]\.$/,
    ],
    [
      'a palette with a color that is none',
      { colors: Array(19).fill([0, 0, 300]) },
      picture,
      /^`colors\[0\]` must be red, green and blue, each from 0 to 255, got \[0, 0, 300\]\.$/,
    ],
    [
      'lines that are too wide',
      { outlines: { width: 3 } },
      picture,
      /^`outlines\.width` must be a finite number from 1 to 2, got 3\.$/,
    ],
    [
      'outlines as a number',
      { outlines: 1 as unknown as true },
      picture,
      /^`outlines` must be true, false or an object \{ color, width \}, got 1\.$/,
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
      /^`edges` cannot be drawn: there are none\.$/,
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

test('19 classes have the colors of Cityscapes, others those of Pascal VOC', () => {
  expect([...classColors(19)]).toEqual(palette.flat())
  // Past the black background of Pascal VOC.
  expect([...classColors(20)]).toEqual(classTables['pascal-voc'].palette.slice(1).flat())
  const many = classColors(300)
  const distinct = new Set(Array.from({ length: 300 }, (_, i) => many.subarray(3 * i, 3 * i + 3).join()))
  expect(distinct.size).toBe(300)
})
