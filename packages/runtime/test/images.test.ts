import { isInverseFormError } from '@inverseform/errors'
import { randomInteger, seededRandom } from '@inverseform/shared'
import { imageFixtures } from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { cmykToRgb, imageKind, inspectImage, type RgbImage, upright } from '../src/index.js'

const random = seededRandom(11)
const limits = { maxPixels: 2 ** 20 }

describe('inspectImage', () => {
  test.each(imageFixtures())('ends in a file or a clear error for damaged $name', ({ name, bytes }) => {
    expect(inspectImage(bytes, name, limits)).toMatchObject({ width: expect.any(Number) })
    const codes = new Set<string>()
    for (let i = 0; i < 200; i++) {
      const damaged = Uint8Array.from(bytes.subarray(0, randomInteger(random, 0, bytes.length)))
      for (let k = randomInteger(random, 0, 4); k > 0 && damaged.length > 0; k--) {
        damaged[randomInteger(random, 0, damaged.length - 1)] = randomInteger(random, 0, 255)
      }
      try {
        const { width, height } = inspectImage(damaged, name, limits)
        expect(width * height).toBeLessThanOrEqual(limits.maxPixels)
      } catch (error) {
        if (!isInverseFormError(error)) throw error
        expect(error.message.startsWith(name), error.message).toBe(true)
        expect(error.hint).toMatch(/^[A-Z].*\.$/)
        codes.add(error.code)
      }
    }
    expect(['unreadable', 'limit-exceeded']).toEqual(expect.arrayContaining([...codes]))
  })

  test('does not change the bytes that it is given', () => {
    for (const { name, bytes } of imageFixtures()) {
      const before = Uint8Array.from(bytes)
      inspectImage(bytes, name, limits)
      expect(Uint8Array.from(bytes)).toEqual(before)
    }
  })

  test('counts the pixels of a GIF frame that exceeds its screen', () => {
    const { bytes } = imageFixtures().find(({ name }) => name === 'plain.gif')!
    const copy = Buffer.from(bytes)
    const frame = copy.indexOf(Buffer.from([0x2c, 0, 0, 0, 0, 16, 0, 12, 0]))
    copy.writeUInt16LE(60_000, frame + 5)
    copy.writeUInt16LE(60_000, frame + 7)
    expect(() => inspectImage(copy, 'a.gif', limits)).toThrow('a.gif has 60000x60000 = 3600000000 pixels')
  })
})

test('every fixture is the kind that its extension says', () => {
  const kinds: Record<string, string> = { png: 'PNG', jpg: 'JPEG', gif: 'GIF', webp: 'WebP', avif: 'AVIF' }
  for (const { name, bytes } of imageFixtures()) {
    expect(imageKind(bytes), name).toEqual({ name: kinds[name.split('.')[1]], supported: true })
  }
})

test('cmykToRgb multiplies and rounds down', () => {
  const inks = Uint8Array.of(0, 0, 0, 0, 255, 0, 128, 0, 10, 20, 30, 128, 0, 0, 0, 255)
  expect([...cmykToRgb(inks)]).toEqual([255, 255, 255, 0, 255, 127, 122, 117, 112, 0, 0, 0])
})

test('upright puts the corners where EXIF says', () => {
  // a b
  // c d
  // e f
  const stored: RgbImage = {
    data: Uint8Array.from('aaabbbcccdddeeefff', (c) => c.charCodeAt(0)),
    width: 2,
    height: 3,
  }
  const rows = [1, 2, 3, 4, 5, 6, 7, 8].map((orientation) => {
    const { data, width, height } = upright(stored, orientation)
    expect([width, height]).toEqual(orientation > 4 ? [3, 2] : [2, 3])
    return String.fromCharCode(...data.filter((_, i) => i % 3 === 0))
  })
  expect(rows).toEqual(['abcdef', 'badcfe', 'fedcba', 'efcdab', 'acebdf', 'ecafdb', 'fdbeca', 'bdface'])
})
