import { extname } from 'node:path'
import { checkArgument, InverseFormError } from '@inverseform/errors'
import { type PaintableSegmentation, type PaintStyle, paint } from '@inverseform/runtime'
import { withoutPeriod } from '@inverseform/shared'
import { checkPath, writeWholeFile } from '@inverseform/shared/node'
import type { Sharp } from 'sharp'
import { pathOf } from './file-url.js'
import { type ImageInput, openImage } from './images.js'

/** The encoder of each kind of file, and the most pixels of a side that it can have. */
const formats: Readonly<Record<string, { encode: (picture: Sharp) => Sharp; maxSide: number }>> = {
  '.png': { encode: (picture) => picture.png(), maxSide: 2 ** 31 - 1 },
  '.jpg': { encode: (picture) => picture.jpeg({ quality: 90, chromaSubsampling: '4:4:4' }), maxSide: 65_500 },
  '.webp': { encode: (picture) => picture.webp({ quality: 90 }), maxSide: 16_383 },
}

/**
 * Paints a segmentation over its image as `paint` does, and writes the picture. The file is complete or missing, and its folder is
 * created.
 *
 * @param path a file that ends in `.png`, `.jpg`, `.jpeg` or `.webp`
 * @param image the image that was segmented
 *
 * @example
 * const segmentation = await segmenter.segment('street.jpg')
 * await writeOverlay('overlay.png', 'street.jpg', segmentation)
 *
 * @throws InverseFormError those of `readImage` and `paint`; `invalid-argument` for another extension, or an image too large for
 * the kind of file; `write-failed`
 */
export async function writeOverlay(
  path: string | URL,
  image: ImageInput,
  segmentation: PaintableSegmentation,
  style: PaintStyle = {},
): Promise<void> {
  const file = path instanceof URL ? pathOf('path', path) : path
  checkPath('path', file)
  const extension = extname(file).toLowerCase().replace('.jpeg', '.jpg')
  const known = Object.hasOwn(formats, extension)
  checkArgument('path', file, known, 'a file name that ends in .png, .jpg, .jpeg or .webp')
  const { encode, maxSide } = formats[extension]
  const { data, width, height } = paint(await openImage(image, { name: 'image' }), segmentation, style)
  if (Math.max(width, height) > maxSide) {
    const message = `\`path\` cannot be a ${extension} file: these have at most ${maxSide} pixels a side, the image has ${width}x${height}.`
    throw new InverseFormError('invalid-argument', message, { hint: 'Write a .png file.' })
  }
  const { default: sharp } = await import('sharp')
  const picture = sharp(data, { raw: { width, height, channels: 4 }, limitInputPixels: false }).removeAlpha()
  const bytes = await encode(picture)
    .toBuffer()
    .catch((cause: Error) => {
      const reason = withoutPeriod(cause.message.split('\n')[0])
      throw new InverseFormError('write-failed', `${file} could not be encoded: ${reason}.`, {
        hint: 'Write another kind of file, such as .png.',
        details: { path: file },
        cause,
      })
    })
  await writeWholeFile(file, bytes)
}
