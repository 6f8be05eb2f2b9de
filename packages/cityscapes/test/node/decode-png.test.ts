import { readdirSync, readFileSync } from 'node:fs'
import { crc32, deflateSync } from 'node:zlib'
import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { decodeLabelPng, type InverseFormError } from '../../src/index.js'
import { decodeLabelPngNatively } from '../../src/node/png/decode-png.js'

const fixtures = new URL('../fixtures/png/', import.meta.url)

function chunk(type: string, contents: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type), contents])
  const numbers = Buffer.alloc(8)
  numbers.writeUInt32BE(contents.length)
  numbers.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([numbers.subarray(0, 4), body, numbers.subarray(4)])
}

interface Kind {
  readonly width: number
  readonly height: number
  readonly depth?: number
  readonly colorType?: number
}

/** A PNG of filtered rows, its data in two chunks with another between. */
function pngOf(rows: Uint8Array, { width, height, depth = 8, colorType = 0 }: Kind): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width)
  header.writeUInt32BE(height, 4)
  header[8] = depth
  header[9] = colorType
  const stream = deflateSync(rows)
  const half = stream.length >> 1
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk('IHDR', header),
    chunk('IDAT', stream.subarray(0, half)),
    chunk('IDAT', stream.subarray(half)),
    chunk('tEXt', Buffer.from('Comment\0after the data')),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** Rows filtered as the PNG specification, 9.2, defines it: the filter of each byte by its number and neighbors. */
function filtered(
  bytes: Uint8Array,
  rowBytes: number,
  step: number,
  filterOf: (y: number) => number,
): Uint8Array {
  const at = (x: number, y: number): number => (x < 0 || y < 0 ? 0 : bytes[y * rowBytes + x])
  const predicted = (filter: number, x: number, y: number): number => {
    const [a, b, c] = [at(x - step, y), at(x, y - 1), y > 0 ? at(x - step, y - 1) : 0]
    const nearest = [a, b, c].reduce((best, value) =>
      Math.abs(a + b - c - value) < Math.abs(a + b - c - best) ? value : best,
    )
    return [0, a, b, Math.floor((a + b) / 2), nearest][filter]
  }
  return Uint8Array.from({ length: (bytes.length / rowBytes) * (rowBytes + 1) }, (_, i) => {
    const [y, x] = [Math.floor(i / (rowBytes + 1)), (i % (rowBytes + 1)) - 1]
    return x < 0 ? filterOf(y) : at(x, y) - predicted(filterOf(y), x, y)
  })
}

function failure(bytes: Uint8Array): InverseFormError {
  try {
    decodeLabelPngNatively(bytes, 'a.png')
  } catch (error) {
    return error as InverseFormError
  }
  throw new Error('decoded')
}

describe('decodeLabelPngNatively', () => {
  const names = readdirSync(fixtures).filter((name) => /^(interlaced-)?(gray|palette)\d+\.png$/.test(name))
  it.each(names)('decodes %s like the decoder for browsers', (name) => {
    const bytes = readFileSync(new URL(name, fixtures))
    expect(decodeLabelPngNatively(bytes)).toEqual(decodeLabelPng(bytes))
  })

  for (const depth of [8, 16]) {
    for (const filter of [0, 1, 2, 3, 4, 'every']) {
      it(`undoes filter ${filter} on ${depth} bits`, () => {
        const random = seededRandom(depth)
        const [width, height] = [23, 17]
        const ids = depth === 8 ? new Uint8Array(width * height) : new Uint16Array(width * height)
        for (let i = 0; i < ids.length; i++) ids[i] = random() * 2 ** depth
        const step = depth / 8
        const bytes = Uint8Array.from({ length: step * ids.length }, (_, i) =>
          step === 1 ? ids[i] : i % 2 === 0 ? ids[i >> 1] >> 8 : ids[i >> 1] & 255,
        )
        const rows = filtered(bytes, step * width, step, (y) =>
          filter === 'every' ? (y * 3) % 5 : Number(filter),
        )
        const png = pngOf(rows, { width, height, depth })
        expect(decodeLabelPngNatively(png)).toEqual({ width, height, data: ids })
        expect(decodeLabelPng(png).data).toEqual(ids)
      })
    }
  }

  it.each(['gray8', 'interlaced-palette2'])('detects truncation and damage of %s anywhere', (name) => {
    const whole = readFileSync(new URL(`${name}.png`, fixtures))
    for (let end = 0; end < whole.length; end++) {
      expect(failure(whole.subarray(0, end)).code).toBe('unreadable')
    }
    for (let i = 33; i < whole.length; i++) {
      const damaged = Uint8Array.from(whole)
      damaged[i] ^= 0x10
      expect(failure(damaged).message).toContain('a.png is cut short or damaged')
    }
  })

  it('rejects data of another size than in the header, and unknown filters', () => {
    const size = { width: 5, height: 4 }
    expect(failure(pngOf(new Uint8Array(6 * 3), size)).message).toContain('it ends in row 3')
    expect(failure(pngOf(new Uint8Array(6 * 4 + 1), size)).code).toBe('unreadable')
    expect(failure(pngOf(new Uint8Array(6 * 4).fill(5), size)).message).toContain('row 0 has the filter 5')
  })

  it('rejects colors and invalid bit depths', () => {
    const size = { width: 5, height: 4 }
    expect(failure(pngOf(new Uint8Array(64), { ...size, colorType: 2 })).message).toContain('RGB')
    expect(failure(pngOf(new Uint8Array(24), { ...size, depth: 3 })).code).toBe('unreadable')
    expect(failure(pngOf(new Uint8Array(24), { ...size, colorType: 1 })).code).toBe('unreadable')
  })
})
