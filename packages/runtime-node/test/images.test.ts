import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import sharp, { type Sharp } from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ImageInput, readImage } from '../src/index.js'
import { temporaryFolder } from './support/checkpoint.js'

const [WIDTH, HEIGHT] = [6, 4]
/** Every pixel differs from all others, and so do its channels. */
const pixels = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => (i * 3 + 17) % 256)
const rgb = () => sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
/** Too noisy to be compressed well, so that cutting the file cuts pixels. */
const noise = () =>
  sharp({
    create: {
      width: 200,
      height: 150,
      channels: 3,
      background: 'grey',
      noise: { type: 'gaussian', mean: 128, sigma: 60 },
    },
  })

let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => folder[Symbol.asyncDispose]())

async function save(name: string, image: Sharp | Uint8Array): Promise<string> {
  const path = join(folder.path, name)
  await writeFile(path, image instanceof Uint8Array ? image : await image.toBuffer())
  return path
}

describe('an image can be', () => {
  const expected = { data: pixels, width: WIDTH, height: HEIGHT }
  const plain = ({ data, width, height }: Awaited<ReturnType<typeof readImage>>) => ({
    data: Uint8Array.from(data),
    width,
    height,
  })

  test('a path, a URL, bytes', async () => {
    const path = await save('straße 1#.png', rgb().png())
    expect(plain(await readImage(path))).toEqual(expected)
    expect(plain(await readImage(pathToFileURL(path)))).toEqual(expected)
    const bytes = await rgb().png().toBuffer()
    expect(plain(await readImage(bytes))).toEqual(expected)
    expect(plain(await readImage(new Uint8Array(bytes)))).toEqual(expected)
  })

  test('pixels, as they are', async () => {
    expect(await readImage(expected)).toBe(expected)
  })

  test.each<[string, () => Sharp]>([
    ['TIFF', () => rgb().tiff({ compression: 'lzw' })],
    ['lossless WebP', () => rgb().webp({ lossless: true })],
    ['RGBA, whose alpha is dropped', () => rgb().ensureAlpha(0.2).png()],
    ['16 bits a channel', () => rgb().toColourspace('rgb16').png()],
  ])('%s', async (_, image) => {
    expect(plain(await readImage(await image().toBuffer()))).toEqual(expected)
  })

  test.each<[string, (grey: Sharp) => Sharp]>([
    ['8-bit grey', (grey) => grey.toColourspace('b-w').png()],
    ['16-bit grey', (grey) => grey.toColourspace('grey16').png()],
    ['grey and alpha', (grey) => grey.ensureAlpha(0.5).toColourspace('b-w').png()],
  ])('%s, which becomes RGB', async (_, convert) => {
    const levels = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => i * 10)
    const grey = sharp(levels, { raw: { width: WIDTH, height: HEIGHT, channels: 1 } })
    const { data } = await readImage(await convert(grey).toBuffer())
    expect(Uint8Array.from(data)).toEqual(
      Uint8Array.from({ length: pixels.length }, (_, i) => levels[Math.floor(i / 3)]),
    )
  })

  test('a palette, which becomes its colours', async () => {
    const two = Uint8Array.from(pixels, (_, i) => [200, 100, 50, 0, 40, 255][i % 6])
    const image = sharp(two, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } }).png({ palette: true })
    expect(plain(await readImage(await image.toBuffer())).data).toEqual(two)
  })

  test('a CMYK JPEG, near its colours', async () => {
    const flat = sharp({
      create: { width: 16, height: 16, channels: 3, background: { r: 180, g: 120, b: 90 } },
    })
    const { data } = await readImage(await flat.toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer())
    expect(data).toHaveLength(16 * 16 * 3)
    for (const [c, value] of [180, 120, 90].entries()) expect(Math.abs(data[c] - value)).toBeLessThan(16)
  })

  test('a photograph lying on its side, which is put upright', async () => {
    const { data, width, height } = await readImage(
      await rgb().tiff({ compression: 'lzw' }).withMetadata({ orientation: 6 }).toBuffer(),
    )
    expect([width, height]).toEqual([HEIGHT, WIDTH])
    // Orientation 6: the stored rows are the upright image's columns, the last row first.
    const upright = Uint8Array.from(data, (_, i) => {
      const [c, x, y] = [i % 3, Math.floor(i / 3) % HEIGHT, Math.floor(i / 3 / HEIGHT)]
      return pixels[((HEIGHT - 1 - x) * WIDTH + y) * 3 + c]
    })
    expect(Uint8Array.from(data)).toEqual(upright)
  })

  test('an animation, whose first image is taken', async () => {
    const frames = [rgb().png(), rgb().negate().png()].map((frame) => frame.toBuffer())
    const animation = sharp(await Promise.all(frames), { join: { animated: true } }).webp({ lossless: true })
    expect(plain(await readImage(await animation.toBuffer()))).toEqual(expected)
  })
})

describe('an error names what cannot be an image', () => {
  async function failure(input: unknown) {
    return readImage(input as ImageInput).then(
      () => {
        throw new Error('it was read')
      },
      (error) => error,
    )
  }

  test('a missing file', async () => {
    const path = join(folder.path, 'none.png')
    expect(await failure(path)).toMatchObject({
      code: 'not-found',
      message: `There is no image ${path}.`,
      hint: 'Check the path.',
    })
  })

  test.each(['png', 'jpeg', 'webp'] as const)('a %s that is cut short', async (format) => {
    const whole = await noise().toFormat(format).toBuffer()
    for (const share of [0.2, 0.6, 0.95]) {
      const path = await save(`cut.${format}`, whole.subarray(0, Math.floor(whole.length * share)))
      expect(await failure(path)).toMatchObject({
        code: 'unreadable',
        message: expect.stringMatching(/cut\.\w+ cannot be decoded: .*[^.]\.$/),
        hint: expect.stringContaining('cut short'),
      })
    }
  })

  test.each<[string, () => unknown]>([
    ['text', () => save('notes.txt', new TextEncoder().encode('hello'))],
    ['a folder', () => folder.path],
    ['no bytes', () => new Uint8Array(0)],
  ])('%s', async (_, input) => {
    expect(await failure(await input())).toMatchObject({ code: 'unreadable' })
  })

  test.each([[null], [undefined], [7], [{}], [[1, 2]]])('%j', async (input) => {
    expect(await failure(input)).toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/^An image was given as .*\.$/),
    })
  })

  test('a URL on the web', async () => {
    expect(await failure(new URL('https://example.org/a.png'))).toMatchObject({
      code: 'invalid-argument',
      message: 'https://example.org/a.png is not a file.',
    })
  })
})
