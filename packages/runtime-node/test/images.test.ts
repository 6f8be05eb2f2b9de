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
      background: 'gray',
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

describe('readImage accepts', () => {
  const expected = { data: pixels, width: WIDTH, height: HEIGHT }
  const plain = ({ data, width, height }: Awaited<ReturnType<typeof readImage>>) => ({
    data: Uint8Array.from(data),
    width,
    height,
  })

  test('a path, a URL and bytes', async () => {
    const path = await save('straße 1#.png', rgb().png())
    expect(plain(await readImage(path))).toEqual(expected)
    expect(plain(await readImage(pathToFileURL(path)))).toEqual(expected)
    const bytes = await rgb().png().toBuffer()
    expect(plain(await readImage(bytes))).toEqual(expected)
    expect(plain(await readImage(new Uint8Array(bytes)))).toEqual(expected)
  })

  test('pixels, and returns them as they are', async () => {
    expect(await readImage(expected)).toBe(expected)
  })

  test.each<[string, () => Sharp]>([
    ['TIFF', () => rgb().tiff({ compression: 'lzw' })],
    ['lossless WebP', () => rgb().webp({ lossless: true })],
    ['RGBA, whose alpha is dropped', () => rgb().ensureAlpha(0.2).png()],
    ['16 bits a channel', () => rgb().toColorspace('rgb16').png()],
  ])('%s', async (_, image) => {
    expect(plain(await readImage(await image().toBuffer()))).toEqual(expected)
  })

  test.each<[string, (gray: Sharp) => Sharp]>([
    ['8-bit gray', (gray) => gray.toColorspace('b-w').png()],
    ['16-bit gray', (gray) => gray.toColorspace('grey16').png()],
    ['gray and alpha', (gray) => gray.ensureAlpha(0.5).toColorspace('b-w').png()],
  ])('%s, and converts it to RGB', async (_, convert) => {
    const levels = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => i * 10)
    const gray = sharp(levels, { raw: { width: WIDTH, height: HEIGHT, channels: 1 } })
    const { data } = await readImage(await convert(gray).toBuffer())
    expect(Uint8Array.from(data)).toEqual(
      Uint8Array.from({ length: pixels.length }, (_, i) => levels[Math.floor(i / 3)]),
    )
  })

  test('a palette, and converts it to its colors', async () => {
    const two = Uint8Array.from(pixels, (_, i) => [200, 100, 50, 0, 40, 255][i % 6])
    const image = sharp(two, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } }).png({ palette: true })
    expect(plain(await readImage(await image.toBuffer())).data).toEqual(two)
  })

  test('a CMYK TIFF, and converts it as Pillow does', async () => {
    const flat = sharp({
      create: { width: 16, height: 16, channels: 3, background: { r: 180, g: 120, b: 90 } },
    })
    const file = await flat.toColorspace('cmyk').tiff({ compression: 'lzw' }).toBuffer()
    const inks = await sharp(file).pipelineColourspace('cmyk').toColorspace('cmyk').raw().toBuffer()
    const { data } = await readImage(file)
    expect(data).toHaveLength(16 * 16 * 3)
    for (let c = 0; c < 3; c++) {
      expect(data[c]).toBe(Math.floor(((255 - inks[c]) * (255 - inks[3])) / 255))
    }
  })

  test('a rotated photograph, and puts it upright', async () => {
    const { data, width, height } = await readImage(
      await rgb().tiff({ compression: 'lzw' }).withMetadata({ orientation: 6 }).toBuffer(),
    )
    expect([width, height]).toEqual([HEIGHT, WIDTH])
    // Orientation 6: the stored rows are the columns of the upright image, last row first.
    const upright = Uint8Array.from(data, (_, i) => {
      const [c, x, y] = [i % 3, Math.floor(i / 3) % HEIGHT, Math.floor(i / 3 / HEIGHT)]
      return pixels[((HEIGHT - 1 - x) * WIDTH + y) * 3 + c]
    })
    expect(Uint8Array.from(data)).toEqual(upright)
  })

  test('an animation, and reads its first frame', async () => {
    const frames = [rgb().png(), rgb().negate().png()].map((frame) => frame.toBuffer())
    const animation = sharp(await Promise.all(frames), { join: { animated: true } }).webp({ lossless: true })
    expect(plain(await readImage(await animation.toBuffer()))).toEqual(expected)
  })
})

describe('readImage refuses', () => {
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
      message: `The image ${path} does not exist.`,
      hint: 'Check the path.',
    })
  })

  test.each(['png', 'jpeg', 'webp'] as const)('a truncated %s', async (format) => {
    const whole = await noise().toFormat(format).toBuffer()
    for (const share of [0.2, 0.6, 0.95]) {
      const path = await save(`cut.${format}`, whole.subarray(0, Math.floor(whole.length * share)))
      expect(await failure(path)).toMatchObject({
        code: 'unreadable',
        message: expect.stringMatching(/cut\.\w+ cannot be decoded: .*[^.]\.$/),
        hint: expect.stringContaining('truncated'),
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
      message: expect.stringMatching(
        /^`image` must be a path, a file URL, the bytes of an image file, or RGB pixels as \{ data, width, height \}, got .*\.$/,
      ),
    })
  })

  test('a URL on the web', async () => {
    expect(await failure(new URL('https://example.org/a.png'))).toMatchObject({
      code: 'invalid-argument',
      message: '`image` must start with file:, got https://example.org/a.png.',
    })
  })

  const bytes = 'a Uint8Array or a Uint8ClampedArray'
  test.each<[string, object, string, string]>([
    [
      'floats',
      { data: new Float32Array(3), width: 1, height: 1 },
      'invalid-argument',
      `\`data\` must be ${bytes}, got Float32Array of 3 elements.`,
    ],
    [
      '16 bits',
      { data: new Uint16Array(3), width: 1, height: 1 },
      'invalid-argument',
      `\`data\` must be ${bytes}, got Uint16Array of 3 elements.`,
    ],
    [
      'RGBA',
      { data: new Uint8Array(4), width: 1, height: 1 },
      'size-mismatch',
      '`data` must have 3 elements, 3 bytes for each of 1x1 pixels, got 4.',
    ],
  ])('pixels of %s', async (_, input, code, message) => {
    expect(await failure(input)).toMatchObject({ code, message, hint: expect.stringMatching(/\.$/) })
  })
})
