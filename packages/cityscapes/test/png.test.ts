import { readFileSync } from 'node:fs'
import { crc32, deflateSync } from 'node:zlib'
import { encode } from 'fast-png'
import { describe, expect, it } from 'vitest'
import { decodeLabelPng, encodeLabelPng, type InverseFormError } from '../src/index.js'

const width = 13
const height = 7
const file = (name: string): Uint8Array => readFileSync(new URL(`fixtures/png/${name}.png`, import.meta.url))
const pixels = (id: (x: number, y: number) => number): number[] =>
  Array.from({ length: width * height }, (_, i) => id(i % width, Math.floor(i / width)))

function failure(bytes: Uint8Array, name?: string): InverseFormError {
  try {
    decodeLabelPng(bytes, name)
  } catch (error) {
    return error as InverseFormError
  }
  throw new Error('decoded')
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(data.length)
  frame.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
}

/** A gray 8-bit PNG with this compressed stream and right checksums. */
function pngOf(stream: Uint8Array, w = width, h = height, depth = 8, interlace = 0): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(w)
  header.writeUInt32BE(h, 4)
  header[8] = depth
  header[12] = interlace
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', stream),
    chunk('IEND', new Uint8Array(0)),
  ])
}

describe('decodeLabelPng', () => {
  for (const kind of ['gray', 'palette']) {
    for (const depth of [1, 2, 4, 8]) {
      it(`returns the stored ids of a ${depth}-bit ${kind} PNG`, () => {
        const map = decodeLabelPng(file(kind + depth))
        expect(map).toMatchObject({ width, height })
        expect(map.data).toBeInstanceOf(Uint8Array)
        expect([...map.data]).toEqual(pixels((x, y) => (3 * x + 5 * y) % 2 ** depth))
      })
    }
  }

  it('returns 16-bit ids as a Uint16Array', () => {
    const { data } = decodeLabelPng(file('gray16'))
    expect(data).toBeInstanceOf(Uint16Array)
    expect([...data]).toEqual(pixels((x, y) => (x * 1000 + y * 7001) % 65536))
  })

  it.each(['gray1', 'gray2', 'gray4', 'gray8', 'gray16', 'palette1', 'palette2', 'palette4', 'palette8'])(
    'returns the ids of an interlaced %s PNG as Pillow reads them',
    (kind) => {
      const depth = Number(kind.match(/\d+/))
      const expected =
        depth === 16
          ? Uint16Array.from(pixels((x, y) => (x * 1000 + y * 7001) % 65536))
          : Uint8Array.from(pixels((x, y) => (3 * x + 5 * y) % 2 ** depth))
      const whole = file(`interlaced-${kind}`)
      expect(decodeLabelPng(whole)).toEqual({ width, height, data: expected })
      for (let end = 0; end < whole.length; end++) {
        expect(failure(whole.subarray(0, end)).code).toBe('unreadable')
      }
    },
  )

  it('reads interlaced files of all small sizes', () => {
    for (const [w, h] of [1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((w) => [1, 2, 3, 5, 9].map((h) => [w, h]))) {
      for (const depth of [8, 16] as const) {
        const Ids = depth === 8 ? Uint8Array : Uint16Array
        const data = new Ids(w * h).map((_: number, i: number) => i * (depth === 8 ? 1 : 700))
        const bytes = encode({ width: w, height: h, data, channels: 1, depth }, { interlace: 'Adam7' })
        expect(decodeLabelPng(bytes).data).toEqual(data)
      }
    }
  })

  it('detects too little data of interlaced files, even where the checksums are right', () => {
    const { message } = failure(pngOf(deflateSync(Buffer.alloc(20)), width, height, 4, 1), 'a.png')
    expect(message).toMatch(/^a\.png is cut short or damaged \(/)
  })

  it('reads a view into a larger buffer', () => {
    const padded = new Uint8Array([...new Uint8Array(5), ...file('gray8'), ...new Uint8Array(5)])
    const { data } = decodeLabelPng(padded.subarray(5, padded.length - 5))
    expect(data).toEqual(decodeLabelPng(file('gray8')).data)
  })

  for (const [name, kind] of [
    ['rgb', 'RGB'],
    ['rgba', 'RGBA'],
    ['la', 'gray with alpha'],
  ] as const) {
    it(`names the file for ${kind}`, () => {
      const error = failure(file(name), 'aachen_000000_000019_gtFine_color.png')
      expect(error.code).toBe('unreadable')
      expect(error.message).toContain('aachen_000000_000019_gtFine_color.png')
      expect(error.message).toContain(`(${kind})`)
      expect(error.hint).toContain('_labelIds.png')
    })
  }

  it('detects every truncation of the file', () => {
    const whole = file('gray8')
    for (let end = 0; end < whole.length; end++) {
      const error = failure(whole.subarray(0, end), 'cut.png')
      expect(error.code).toBe('unreadable')
      expect(error.message).toContain('cut.png')
    }
  })

  it('detects truncated compressed data, even where the checksums are right', () => {
    const rows = Buffer.from(pixels((x, y) => (x === 0 ? 0 : (7 * x * y) % 34)))
    const stream = deflateSync(rows)
    // The last 4 bytes are a checksum of data that is complete without them.
    for (let end = 0; end < stream.length - 4; end++) {
      expect(failure(pngOf(stream.subarray(0, end), width - 1)).code).toBe('unreadable')
    }
    expect(decodeLabelPng(pngOf(stream, width - 1)).data).toHaveLength((width - 1) * height)
    expect(failure(pngOf(deflateSync(rows.subarray(0, -width)), width - 1)).code).toBe('unreadable')
  })

  it('detects damage to any byte of the compressed data', () => {
    const whole = file('gray8')
    const start = Buffer.from(whole).indexOf('IDAT') + 4
    const end = Buffer.from(whole).indexOf('IEND') - 8
    for (let i = start; i < end; i++) {
      const damaged = whole.slice()
      damaged[i] ^= 0x10
      expect(failure(damaged).code).toBe('unreadable')
    }
  })

  it('rejects other formats and invalid sizes', () => {
    expect(failure(new Uint8Array(0), 'a.png').message).toBe('a.png is empty.')
    expect(failure(Uint8Array.from([0xff, 0xd8, 0xff, 0xe0]), 'a.jpg').message).toBe(
      'a.jpg is not a PNG file.',
    )
    expect(failure(pngOf(deflateSync(Buffer.alloc(1)), 0, 0)).message).toContain('0 x 0')
    const large = pngOf(deflateSync(Buffer.alloc(1)), 16384, 16384)
    expect(failure(large, 'a.png')).toMatchObject({
      code: 'limit-exceeded',
      message: 'a.png has 16384x16384 = 268435456 pixels, at most 67108864 are allowed.',
      hint: expect.stringContaining('`maxPixels`'),
    })
    expect(() => decodeLabelPng(large, 'a.png', { maxPixels: 2 ** 28 })).toThrow('cut short')
    expect(() => decodeLabelPng(file('gray8'), 'a.png', { maxPixels: 90 })).toThrow('13x7 = 91 pixels')
    expect(decodeLabelPng(file('gray8'), 'a.png', { maxPixels: 91 }).width).toBe(13)
    expect(() => decodeLabelPng('no' as never)).toThrow('`bytes` must be')
  })
})

describe('encodeLabelPng', () => {
  it('writes gray of 8 or 16 bits that decodes to the same ids', () => {
    for (const data of [
      Uint8Array.from(pixels((x, y) => (x * y) % 34)),
      Uint16Array.from(pixels((x, y) => x * y * 700)),
    ]) {
      const bytes = encodeLabelPng({ width, height, data })
      expect([bytes[24], bytes[25]]).toEqual([data.BYTES_PER_ELEMENT * 8, 0])
      expect(decodeLabelPng(bytes)).toEqual({ width, height, data })
    }
  })

  it('rejects the wrong number of ids', () => {
    expect(() => encodeLabelPng({ width: 2, height: 2, data: new Uint8Array(3) })).toThrow(
      '`data` must have 4 elements, one id for each of 2x2 pixels, got 3.',
    )
    expect(() => encodeLabelPng({ width: 0, height: 2, data: new Uint8Array(0) })).toThrow(
      '`width` must be an integer of at least 1, got 0.',
    )
  })

  it('rejects ids that are not bytes or 16-bit words', () => {
    expect(() => encodeLabelPng({ width: 2, height: 1, data: Float32Array.of(0, 0.5) as never })).toThrow(
      '`data` must be a Uint8Array or a Uint16Array of ids, got Float32Array of 2 elements.',
    )
  })
})
