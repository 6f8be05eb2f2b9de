import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { paint, writeOverlay } from '../src/index.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overlay-'))
})
afterAll(() => rm(folder, { recursive: true }))

const [width, height] = [24, 16]
const image = { width, height, data: Uint8Array.from({ length: 3 * width * height }, (_, i) => i % 251) }
const labels = Uint8Array.from({ length: width * height }, (_, i) => (i % width < 9 ? 0 : 13))
const segmentation = { width, height, numClasses: 19, labels }

const pixelsOf = (path: string) => sharp(path).raw().toBuffer()

function withoutAlpha(rgba: Uint8ClampedArray): number[] {
  return [...rgba].filter((_, i) => i % 4 < 3)
}

describe('an overlay', () => {
  test('as PNG has the pixels of `paint`, also from a file and to a URL in a new folder', async () => {
    const expected = withoutAlpha(paint(image, segmentation).data)
    const photo = join(folder, 'photo.png')
    await sharp(image.data, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(photo)
    const path = join(folder, 'new/deep/overlay.PNG')
    await writeOverlay(pathToFileURL(path), photo, segmentation)
    expect([...(await pixelsOf(path))]).toEqual(expected)
    // Between classes 0 and 13, white lines; elsewhere, half of the image and half of the colors.
    const [left, edge] = [4 * width + 2, 4 * width + 8]
    for (const [c, value] of [128, 64, 128].entries()) {
      const mean = (value + image.data[3 * left + c]) / 2
      expect(Math.abs(expected[3 * left + c] - mean)).toBeLessThanOrEqual(0.5)
    }
    expect(Math.min(...expected.slice(3 * edge, 3 * edge + 3))).toBeGreaterThan(180)
    expect(await readdir(join(folder, 'new/deep'))).toEqual(['overlay.PNG'])
  })

  test.each(['jpg', 'jpeg', 'webp'])('as %s looks like the PNG', async (extension) => {
    const path = join(folder, `overlay.${extension}`)
    await writeOverlay(path, image, segmentation, { opacity: 1, outlines: false })
    expect(await sharp(path).metadata()).toMatchObject({ width, height, channels: 3 })
    const [red, green, blue] = await pixelsOf(path)
    for (const [i, value] of [red, green, blue].entries()) {
      expect(Math.abs(value - [128, 64, 128][i])).toBeLessThan(12)
    }
  })

  test.each<[string, () => Promise<void>, string, RegExp]>([
    [
      'another extension',
      () => writeOverlay('overlay.bmp', image, segmentation),
      'invalid-argument',
      /^`path` must be a file name that ends in \.png, \.jpg, \.jpeg or \.webp, got "overlay\.bmp"\.$/,
    ],
    [
      'no path',
      () => writeOverlay(undefined as unknown as string, image, segmentation),
      'invalid-argument',
      /^`path` must be /,
    ],
    [
      'an image that is missing',
      () => writeOverlay(join(folder, 'o.png'), join(folder, 'missing.jpg'), segmentation),
      'not-found',
      /missing\.jpg does not exist/,
    ],
    [
      'another image',
      () =>
        writeOverlay(join(folder, 'o.png'), image, {
          ...segmentation,
          labels: labels.subarray(1),
        }),
      'size-mismatch',
      /`labels`/,
    ],
    [
      'an image that is too long for the kind of file',
      () => {
        const long = { width: 1, height: 20_000 }
        const [data, none] = [new Uint8Array(60_000), new Uint8Array(20_000)]
        return writeOverlay(
          join(folder, 'o.webp'),
          { ...long, data },
          { ...segmentation, ...long, labels: none },
        )
      },
      'invalid-argument',
      /^`path` cannot be a \.webp file: these have at most 16383 pixels a side, the image has 1x20000\.$/,
    ],
    [
      'a path that is a folder',
      async () => {
        await mkdir(join(folder, 'folder.png'))
        await writeOverlay(join(folder, 'folder.png'), image, segmentation)
      },
      'write-failed',
      /folder\.png could not be written/,
    ],
  ])('is refused with %s, and nothing is left', async (_, call, code, message) => {
    await expect(call()).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
    const left = await readdir(folder)
    expect(left.filter((name) => name.startsWith('o.') || name.endsWith('.tmp'))).toEqual([])
  })
})
