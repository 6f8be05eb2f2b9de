import { InverseFormError } from '@inverseform/errors'
import type { RgbImage } from '@inverseform/runtime'
import sharp from 'sharp'
import { pathOf } from './path.js'

/** An image: a file, the bytes of one (PNG, JPEG, WebP, AVIF, TIFF, …), or pixels. */
export type ImageInput = string | URL | Uint8Array | RgbImage

/** Photographs and street scenes are far smaller; a decompression bomb is not. */
const MAX_PIXELS = 2 ** 29

/**
 * Decodes to 8-bit RGB, upright: a photograph's EXIF orientation is applied, grey becomes RGB, 16 bits become 8, alpha
 * is dropped, of an animation the first image is taken.
 * @throws `not-found` or `unreadable`, naming the file; `invalid-argument` for what cannot be an image.
 */
export async function readImage(input: ImageInput): Promise<RgbImage> {
  if (isRgbImage(input)) return input
  const source = input instanceof URL ? pathOf(input) : input
  if (typeof source !== 'string' && !(source instanceof Uint8Array)) {
    throw new InverseFormError('invalid-argument', `An image was given as ${describe(input)}.`, {
      hint: 'Give a path, a file URL, the bytes of an image file, or { data, width, height } with RGB pixels.',
    })
  }
  try {
    const { data, info } = await sharp(source, { limitInputPixels: MAX_PIXELS })
      .autoOrient()
      .removeAlpha()
      .toColourspace('srgb')
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

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value === 'object' ? value.constructor.name : typeof value
}

function decodingError(name: string, cause: Error): InverseFormError {
  const message = cause.message.split('\n')[0].replace(/\.$/, '')
  if (/input file is missing/i.test(message)) {
    return new InverseFormError('not-found', `There is no image ${name}.`, { hint: 'Check the path.', cause })
  }
  return new InverseFormError('unreadable', `${name} cannot be decoded: ${message}.`, {
    hint: 'The file may be damaged, cut short, or not an image; PNG, JPEG, WebP, AVIF, TIFF and GIF are read.',
    cause,
  })
}
