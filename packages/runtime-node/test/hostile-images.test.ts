import { execFileSync } from 'node:child_process'
import { readFileSync, truncateSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pngChunk, pngFile } from '@inverseform/testing'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ImageInput, type ReadImageOptions, readImage } from '../src/index.js'
import { temporaryFolder } from './support/checkpoint.js'

const hostile = (name: string) => new URL(`../../testing/fixtures/hostile/${name}`, import.meta.url).pathname

let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => folder[Symbol.asyncDispose]())

const failure = (input: ImageInput, options?: ReadImageOptions) =>
  readImage(input, options).then(
    () => {
      throw new Error('it was read')
    },
    (error) => error,
  )

const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0))
const ftyp = (...brands: string[]) =>
  bytes(
    `\0\0\0${String.fromCharCode(12 + 4 * brands.length)}ftyp${brands[0]}\0\0\0\0${brands.slice(1).join('')}`,
  )

describe('the content of a file, not its name, decides', () => {
  test.each(['svg-adj.png', 'svg-huge.png'])('%s is refused, as SVG', async (name) => {
    expect(await failure(hostile(name))).toMatchObject({
      code: 'unreadable',
      message: `${hostile(name)} cannot be decoded: SVG is not supported.`,
      hint: 'Use PNG, JPEG, WebP, AVIF, TIFF or GIF. The content counts, not the name.',
    })
  })

  test.each<[string, Uint8Array]>([
    ['SVG', bytes('\n <?xml version="1.0"?><!-- x --><svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>')],
    ['SVG', bytes('\xff\xfe<\0s\0v\0g\0 \0/\0>\0')],
    ['HTML', bytes('<!doctype html><title>404</title>')],
    ['PDF', bytes('%PDF-1.7')],
    ['HEIC', ftyp('heic', 'mif1', 'heic')],
    ['HEIC', ftyp('mif1', 'mif1', 'heic')],
    ['HEIF', ftyp('mif1', 'mif1')],
    ['MP4', ftyp('isom', 'mp42')],
    ['JPEG 2000', bytes('\0\0\0\x0cjP  \r\n\x87\n')],
    ['JPEG XL', bytes('\xff\x0a\0\0')],
    ['BMP', bytes('BM\x10\0\0\0\0\0\0\0')],
    ['Netpbm', bytes('P6 1 1 255\n   ')],
    ['gzip', bytes('\x1f\x8b\x08\0')],
  ])('%s is named', async (kind, content) => {
    expect(await failure(content)).toMatchObject({
      code: 'unreadable',
      message: `The image cannot be decoded: ${kind} is not supported.`,
    })
  })

  test('what is nothing known is not an image', async () => {
    const message = 'The image cannot be decoded: it is not an image.'
    expect(await failure(bytes('hello'))).toMatchObject({ code: 'unreadable', message })
  })
})

describe('pixels against memory', () => {
  test('a bomb is refused by its header', async () => {
    const before = process.memoryUsage().rss
    const error = await failure(hostile('bomb23k.png'))
    expect(error).toMatchObject({
      code: 'limit-exceeded',
      message: `${hostile('bomb23k.png')} has 23000x23000 = 529000000 pixels, at most ${error.details.maxPixels} are allowed.`,
      hint: 'Use a smaller image. If there is enough memory, raise `maxPixels`.',
    })
    expect(error.details.maxPixels).toBeLessThanOrEqual(2 ** 26)
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6)
  })

  test('maxPixels lowers and raises the limit', async () => {
    const image = await sharp({ create: { width: 20, height: 10, channels: 3, background: 'red' } })
    for (const format of ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const) {
      const content = await image.clone().toFormat(format).toBuffer()
      expect(await failure(content, { maxPixels: 199 }), format).toMatchObject({
        code: 'limit-exceeded',
        message: 'The image has 20x10 = 200 pixels, at most 199 are allowed.',
      })
      expect(await readImage(content, { maxPixels: 200 }), format).toMatchObject({ width: 20, height: 10 })
    }
  })

  test.each([0, -1, 1.5, '9', null])('maxPixels %j is refused', async (maxPixels) => {
    const options = { maxPixels } as ReadImageOptions
    expect(await failure(new Uint8Array(3), options)).toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/^`maxPixels` must be an integer of at least 1, got/),
    })
  })

  test('a header without pixels is damaged', async () => {
    const empty = pngFile({ width: 0, height: 5 }, [pngChunk('IDAT')])
    expect(await failure(new Uint8Array(empty))).toMatchObject({
      code: 'unreadable',
      message: 'The image cannot be decoded: its header says that it has no pixels.',
    })
  })
})

describe('what is not a regular file', () => {
  test.skipIf(process.platform === 'win32')('is refused at once: a named pipe and a device', async () => {
    const pipe = join(folder.path, 'pipe.png')
    execFileSync('mkfifo', [pipe])
    expect(await failure(pipe)).toMatchObject({
      code: 'unreadable',
      message: `${pipe} is a named pipe.`,
    })
    expect(await failure('/dev/zero')).toMatchObject({
      code: 'unreadable',
      message: '/dev/zero is a device.',
    })
  })

  test('a file of more than a gibibyte is refused before it is read', async () => {
    const path = join(folder.path, 'huge.png')
    await writeFile(path, readFileSync(hostile('svg-huge.png')))
    truncateSync(path, 2 ** 30 + 1)
    expect(await failure(path)).toMatchObject({ code: 'limit-exceeded' })
  })
})

describe('a TIFF whose samples have no known range', () => {
  /** A TIFF of one gray pixel. */
  function tiff(bits: number, sampleFormat: number, photometric = 1): Uint8Array {
    const entries = [
      [256, 1],
      [257, 1],
      [258, bits],
      [259, 1],
      [262, photometric],
      [273, 8],
      [277, 1],
      [278, 1],
      [279, bits / 8],
      [339, sampleFormat],
    ]
    const view = new DataView(new ArrayBuffer(16 + 2 + 12 * entries.length + 4))
    view.setUint32(0, 0x49492a00)
    view.setUint32(4, 16, true)
    view.setUint16(16, entries.length, true)
    for (const [i, [tag, value]] of entries.entries()) {
      view.setUint16(18 + 12 * i, tag, true)
      view.setUint16(20 + 12 * i, 3, true)
      view.setUint32(22 + 12 * i, 1, true)
      view.setUint16(26 + 12 * i, value, true)
    }
    return new Uint8Array(view.buffer)
  }

  test.each<[string, Uint8Array, string]>([
    ['float', tiff(32, 3), '32-bit floating-point'],
    ['half', tiff(16, 3), '16-bit floating-point'],
    ['32-bit', tiff(32, 1), '32-bit unsigned'],
    ['signed', tiff(16, 2), '16-bit signed'],
  ])('%s', async (_, content, samples) => {
    expect(await failure(content)).toMatchObject({
      code: 'unreadable',
      message: `The image cannot be decoded: its samples are ${samples}; unsigned samples of up to 16 bits are accepted.`,
      hint: 'Convert the image to 8-bit RGB first, with the range of values that you need.',
    })
  })

  test('CIELAB', async () => {
    expect(await failure(tiff(8, 1, 8))).toMatchObject({
      message:
        'The image cannot be decoded: its photometric interpretation is 8; gray, RGB, palettes, CMYK and YCbCr are accepted.',
    })
  })

  test('but 8 and 16 bits are read', async () => {
    expect(await readImage(tiff(8, 1))).toMatchObject({ width: 1, height: 1 })
    expect(await readImage(tiff(16, 1))).toMatchObject({ width: 1, height: 1 })
  })
})
