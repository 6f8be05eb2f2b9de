import { InverseFormError } from '@inverseform/errors'
import type { RgbImage } from '@inverseform/runtime'
import { download } from './download.js'
import type { SentImage } from './images.js'

/**
 * Decodes to sRGB, upright by the EXIF orientation.
 * @throws `not-found` or `unreadable`, naming the URL or file; the signal's reason when it is aborted
 */
export async function openImage(
  image: SentImage,
  signal: AbortSignal,
): Promise<ImageBitmap | ImageData | RgbImage> {
  if (image instanceof Blob) return decode(image, image instanceof File ? image.name : 'The image')
  if (!('url' in image)) return image
  const { bytes } = await download(image.url, { signal })
  return decode(new Blob([bytes]), image.url)
}

/** As `openImage`, to 8-bit RGB without alpha. */
export async function readImage(image: SentImage, signal: AbortSignal): Promise<RgbImage> {
  const opened = await openImage(image, signal)
  if (opened instanceof ImageBitmap) return bitmapPixels(opened)
  return opened instanceof ImageData ? withoutAlpha(opened) : opened
}

async function decode(blob: Blob, name: string): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(blob)
  } catch (cause) {
    throw new InverseFormError('unreadable', `${name} cannot be decoded: ${(cause as Error).message}`, {
      hint: 'The file may be damaged, or of a format that this browser does not read; PNG, JPEG and WebP it does.',
      cause,
    })
  }
}

/** Closes the bitmap. */
export function bitmapPixels(bitmap: ImageBitmap): RgbImage {
  const { width, height } = bitmap
  // Kept in main memory: pixels that a GPU drew and gave back may differ.
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!
  context.drawImage(bitmap, 0, 0)
  bitmap.close()
  return withoutAlpha(context.getImageData(0, 0, width, height))
}

function withoutAlpha({ data: rgba, width, height }: ImageData): RgbImage {
  const data = new Uint8Array(width * height * 3)
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    data[to] = rgba[from]
    data[to + 1] = rgba[from + 1]
    data[to + 2] = rgba[from + 2]
  }
  return { data, width, height }
}
