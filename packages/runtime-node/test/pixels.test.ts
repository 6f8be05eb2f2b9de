import { imageFixtures, largestDifference } from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { readImage } from '../src/index.js'

/** Where pixels are not those of Pillow's `convert('RGB')`: the largest difference, or that other pixels are meant. */
const differing: Readonly<Record<string, number | 'other'>> = {
  // Pillow rounds the product of ink and black, browsers cut it.
  'cmyk-black.jpg': 1,
  'cmyk-no-adobe.jpg': 1,
  'cmyk-orientation.jpg': 1,
  'ycck.jpg': 1,
  // Pillow clips 16-bit gray at 255; the high byte is what it takes of 16-bit RGB.
  'gray-16bit.png': 'other',
  // Outside of a frame that is smaller than its canvas, browsers have black, and Pillow a color of the palette.
  'small-frame.gif': 'other',
  'small-frame-opaque.gif': 'other',
}

describe('readImage returns the pixels of Pillow’s convert("RGB")', () => {
  test.each(imageFixtures())('$name', async ({ name, bytes, expected }) => {
    const { data, width, height } = await readImage(new Uint8Array(bytes))
    if (!expected || differing[name] === 'other') return
    expect([width, height]).toEqual([expected.width, expected.height])
    expect(largestDifference(data, expected.rgb)).toBeLessThanOrEqual((differing[name] as number) ?? 0)
  })

  test('of 16-bit gray, but for the high byte', async () => {
    const { bytes } = imageFixtures().find(({ name }) => name === 'gray-16bit.png')!
    const { data } = await readImage(new Uint8Array(bytes))
    // The first row: the samples' bytes are 0, 53, 106, …
    expect([...data.subarray(0, 9)]).toEqual([0, 0, 0, 106, 106, 106, 212, 212, 212])
  })
})
