import { checkArgument, InverseFormError } from '@inverseform/errors'
import { checkRgbImage, type RgbImage } from '@inverseform/runtime'
import sharp from 'sharp'
import { pathOf } from './file-url.js'

/** An image: a path, a `file:` URL, the bytes of a file (PNG, JPEG, WebP, AVIF, TIFF, …), or RGB pixels. */
export type ImageInput = string | URL | Uint8Array | RgbImage

/** Far more than photographs and street scenes have; a decompression bomb has more. */
const MAX_PIXELS = 2 ** 29

/**
 * Decodes an image to 8-bit RGB. Applies the EXIF orientation, converts gray to RGB and 16 bits to 8, drops alpha, and
 * reads the first frame of an animation. Pixels are returned as they are.
 *
 * @throws `not-found` or `unreadable`, naming the file; `invalid-argument` or `size-mismatch` for a value that is not an
 * image
 */
export async function readImage(input: ImageInput): Promise<RgbImage> {
  if (isRgbImage(input)) {
    checkRgbImage(input)
    return input
  }
  const source = input instanceof URL ? pathOf(input) : input
  const valid = typeof source === 'string' || source instanceof Uint8Array
  const accepted = 'a path, a file URL, the bytes of an image file, or RGB pixels as { data, width, height }'
  checkArgument('image', input, valid, accepted)
  try {
    const { data, info } = await sharp(source, { limitInputPixels: MAX_PIXELS })
      .autoOrient()
      .removeAlpha()
      .toColorspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    return { data, width: info.width, height: info.height }
  } catch (cause) {
    throw decodingError(typeof source === 'string' ? source : 'The image', cause as Error)
  }
}

function isRgbImage(input: ImageInput): input is RgbImage {
  return typeof input === 'object' && input !== null && 'width' in input
}

function decodingError(name: string, cause: Error): InverseFormError {
  const message = cause.message.split('\n')[0].replace(/\.$/, '')
  if (/input file is missing/i.test(message)) {
    return new InverseFormError('not-found', `The image ${name} does not exist.`, {
      hint: 'Check the path.',
      cause,
    })
  }
  return new InverseFormError('unreadable', `${name} cannot be decoded: ${message}.`, {
    hint: 'The file may be damaged, truncated or not an image. PNG, JPEG, WebP, AVIF, TIFF and GIF are supported.',
    cause,
  })
}
