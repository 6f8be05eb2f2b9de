import { InverseFormError } from '@inverseform/errors'
import {
  decodingError,
  type ImageFile,
  type ImageFormat,
  inspectImage,
  type RgbImage,
  upright,
  withoutAvifAlpha,
} from '@inverseform/runtime'
import { checkPixels, withoutPeriod } from '@inverseform/shared'
import { download } from '../download/download.js'
import { urlName } from '../download/page-url.js'
import { bitmapPixels, copyRgb, straightPixels } from './bitmap-pixels.js'
import { decodeAlphaPng } from './decode-png.js'
import type { SentImage } from './send-image.js'

/** Browsers decode no TIFF, Safari excepted. */
const FORMATS: readonly ImageFormat[] = ['PNG', 'JPEG', 'WebP', 'AVIF', 'GIF']

export interface OpenContext {
  readonly signal: AbortSignal
  readonly maxPixels: number
}

/**
 * Opens an image. Files are decoded as in Node: as Pillow's `convert('RGB')` does, and with their EXIF orientation applied.
 * @throws `not-found` or `unreadable`, naming the URL or file; `limit-exceeded` for too many pixels; the signal's reason
 * when it is aborted
 */
export async function openImage(
  image: SentImage,
  { signal, maxPixels }: OpenContext,
): Promise<ImageBitmap | ImageData | RgbImage> {
  if (image instanceof Blob) {
    const name = image instanceof File ? image.name : 'The image'
    return decode(await bytesOf(image, name), name, maxPixels)
  }
  if (!('url' in image)) {
    checkPixels('The image', image, maxPixels)
    return image
  }
  const { bytes } = await download(image.url, { signal })
  return decode(bytes, urlName(image.url), maxPixels)
}

/** Opens an image as 8-bit RGB without alpha. @throws as `openImage` */
export async function readImage(image: SentImage, context: OpenContext): Promise<RgbImage> {
  const opened = await openImage(image, context)
  if (opened instanceof ImageBitmap) return bitmapPixels(opened)
  return opened instanceof ImageData ? withoutAlpha(opened) : opened
}

async function bytesOf(blob: Blob, name: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer())
  } catch (cause) {
    const reason = withoutPeriod((cause as Error).message)
    throw new InverseFormError('unreadable', `${name} cannot be read: ${reason}.`, {
      hint: 'Choose the file again: it may have changed.',
      cause,
    })
  }
}

async function decode(bytes: Uint8Array, name: string, maxPixels: number): Promise<ImageBitmap | RgbImage> {
  const file = inspectImage(bytes, name, { formats: FORMATS, maxPixels })
  try {
    const image = await decodeFile(file)
    if (file.orientation === 1) return image
    return upright(image instanceof ImageBitmap ? bitmapPixels(image) : image, file.orientation)
  } catch (cause) {
    throw decodingError(name, cause as Error)
  }
}

async function decodeFile({ format, alpha, bytes }: ImageFile): Promise<ImageBitmap | RgbImage> {
  if (format === 'PNG' && alpha) return decodeAlphaPng(bytes)
  const pixels = format === 'AVIF' && alpha ? withoutAvifAlpha(bytes) : bytes
  const type = `image/${format.toLowerCase()}`
  const bitmap = await createImageBitmap(new Blob([pixels], { type }), {
    colorSpaceConversion: 'none',
    premultiplyAlpha: 'none',
  })
  return format === 'WebP' && alpha ? straightPixels(bitmap) : bitmap
}

function withoutAlpha(pixels: ImageData): RgbImage {
  const { width, height } = pixels
  const image = { data: new Uint8Array(3 * width * height), width, height }
  copyRgb(pixels, image, 0, 0)
  return image
}
