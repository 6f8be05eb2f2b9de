import { decode } from 'fast-png'
import { describe, expect, it } from 'vitest'
import { encodePng } from '../src/node/index.js'

const bytes = (count: number) => Uint8Array.from({ length: count }, (_, i) => i * i)

describe('encodePng', () => {
  it.each([
    ['gray bytes', bytes(5000), 1],
    ['gray words', new Uint16Array(5000).map((_, i) => i * i * 7), 1],
    ['part of a buffer', new Uint16Array(new ArrayBuffer(12_000), 2000, 5000).map((_, i) => i), 1],
    ['RGB', bytes(15_000), 3],
    ['RGBA', bytes(20_000), 4],
  ])('stores %s as they are', async (_, data, channels) => {
    for (const options of [{}, { level: 1 }, { filter: 'up' }] as const) {
      const png = await encodePng({ width: 100, height: 50, data }, options)
      expect(decode(png)).toMatchObject({ width: 100, height: 50, channels, data })
    }
  })

  it('stores indices of colors', async () => {
    const colors = [
      [128, 64, 128],
      [0, 0, 0],
      [255, 255, 255],
    ]
    const palette = Uint8Array.from(colors.flat())
    const data = Uint8Array.of(2, 1, 0, 0, 1, 2)
    const png = await encodePng({ width: 2, height: 3, data, palette })
    expect(decode(png)).toMatchObject({ width: 2, height: 3, data, palette: colors })
  })
})
