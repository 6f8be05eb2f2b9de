import { describe, expect, test } from 'vitest'
import { classColors } from '../src/index.js'
import { type PaintStyle, paintSettings } from '../src/picture-style.js'

const picture = { classes: 19, edges: true }

describe('the style of a picture', () => {
  test('has values for all that is not given', () => {
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
    expect(paintSettings({ edges: false }, { classes: 19, edges: false }).edges).toBeUndefined()
  })

  test.each<[string, PaintStyle, typeof picture, RegExp]>([
    ['an opacity above 1', { opacity: 1.2 }, picture, /opacity is 1\.2/],
    ['an opacity that is no number', { opacity: Number.NaN }, picture, /opacity is NaN/],
    ['colours of another number of classes', { colors: new Uint8Array(3 * 18) }, picture, /array of 54/],
    ['a class that is not there', { highlight: 19 }, picture, /highlight is 19/],
    ['a threshold of 1', { edges: { threshold: 1 } }, picture, /threshold is 1\./],
    ['a colour out of range', { edges: { color: [0, 256, 0] } }, picture, /\[0, 256, 0\]/],
    ['edges that are not there', { edges: true }, { ...picture, edges: false }, /without them/],
  ])('is refused with %s', (_, style, facts, message) => {
    expect(() => paintSettings(style, facts)).toThrow(
      expect.objectContaining({
        code: 'invalid-argument',
        message: expect.stringMatching(message),
        hint: expect.stringMatching(/^[A-Z].*\.$/),
      }),
    )
  })
})

test('class colours differ from each other, and start at red', () => {
  const colors = classColors(19)
  const distinct = new Set(Array.from({ length: 19 }, (_, i) => colors.subarray(3 * i, 3 * i + 3).join()))
  expect(distinct.size).toBe(19)
  const [red, green, blue] = colors
  expect(red).toBeGreaterThan(200)
  expect(green).toBe(blue)
  expect(classColors(300)).toHaveLength(900)
})
