import { InverseFormError } from '@inverseform/errors'
import type { RgbImage } from '@inverseform/runtime'
import sharp from 'sharp'

/** An image: a file, the bytes of one (PNG, JPEG, WebP, AVIF, TIFF, …), or pixels. */
export type ImageInput = string | URL | Uint8Array | RgbImage

/**
 * Decodes to 8-bit RGB, upright: a photograph's EXIF orientation is applied, grey becomes RGB, alpha is dropped.
 * @throws `not-found` or `unreadable`, naming the file.
 */
export async function readImage(input: ImageInput): Promise<RgbImage> {
  if (typeof input === 'object' && 'width' in input) return input
  const source = input instanceof URL ? fileName(input) : input
  const name = typeof source === 'string' ? source : 'the image'
  try {
    const { data, info } = await sharp(source, { limitInputPixels: 2 ** 29 })
      .autoOrient()
      .removeAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    return { data, width: info.width, height: info.height }
  } catch (cause) {
    throw decodingError(name, cause as Error)
  }
}

function fileName(url: URL): string {
  return url.protocol === 'file:' ? decodeURIComponent(url.pathname) : url.href
}

function decodingError(name: string, cause: Error): InverseFormError {
  const message = cause.message.split('\n')[0]
  if (/input file is missing/i.test(message)) {
    return new InverseFormError('not-found', `there is no image ${name}`, { hint: 'Check the path.', cause })
  }
  return new InverseFormError('unreadable', `${name} cannot be decoded: ${message}`, {
    hint: 'The file may be damaged, cut short, or not an image; PNG, JPEG, WebP, AVIF, TIFF and GIF are read.',
    cause,
  })
}
