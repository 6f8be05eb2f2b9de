import { describe, expect, test } from 'vitest'
import { checkPixels, MOST_PIXELS, pixelsWithin } from '../src/index.js'
import { defaultMaxPixels } from '../src/node/index.js'

describe('the limit of pixels', () => {
  test('is what half of the memory suffices for, up to a ceiling', () => {
    expect(pixelsWithin(2 ** 30, 32)).toBe(2 ** 24)
    expect(pixelsWithin(2 ** 50, 32)).toBe(MOST_PIXELS)
    expect(pixelsWithin(0, 32)).toBe(1)
    expect(defaultMaxPixels()).toBeLessThanOrEqual(MOST_PIXELS)
    expect(defaultMaxPixels(2 ** 40)).toBe(1)
  })

  test('names the file, its size and the limit', () => {
    expect(() => checkPixels('a.png', { width: 10, height: 10 }, 100)).not.toThrow()
    expect(() => checkPixels('a.png', { width: 101, height: 1 }, 100)).toThrow(
      expect.objectContaining({
        code: 'limit-exceeded',
        message: 'a.png has 101x1 = 101 pixels, at most 100 are allowed.',
        hint: 'Use a smaller image. If there is enough memory, raise `maxPixels`.',
        details: { width: 101, height: 1, pixels: 101, maxPixels: 100 },
      }),
    )
  })
})
