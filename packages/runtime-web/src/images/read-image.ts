import { InverseFormError } from '@inverseform/errors'
import type { RgbImage } from '@inverseform/runtime'
import { download } from '../download/download.js'
import { urlName } from '../download/page-url.js'
import type { SentImage } from './send-image.js'

/**
 * Opens an image. Files are decoded to sRGB, with their EXIF orientation applied.
 * @throws `not-found` or `unreadable`, naming the URL or file; the signal's reason when it is aborted
 */
export async function openImage(
  image: SentImage,
  signal: AbortSignal,
): Promise<ImageBitmap | ImageData | RgbImage> {
  if (image instanceof Blob) return decode(image, image instanceof File ? image.name : 'The image')
  if (!('url' in image)) return image
  const { bytes } = await download(image.url, { signal })
  return decode(new Blob([bytes]), urlName(image.url))
}

/** Opens an image as 8-bit RGB without alpha. @throws as `openImage` */
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
      hint: 'The file may be damaged, or of a format that this browser does not support. PNG, JPEG and WebP are supported.',
      cause,
    })
  }
}

/** Sides of the canvas, in pixels. Canvases beyond a browser's limit stay empty without an error. */
const LONGEST_SIDE = 4096

/** Reads the pixels of a bitmap, part by part, and closes it. */
export function bitmapPixels(bitmap: ImageBitmap): RgbImage {
  const { width, height } = bitmap
  const image = { data: new Uint8Array(3 * width * height), width, height }
  const canvas = new OffscreenCanvas(Math.min(width, LONGEST_SIDE), Math.min(height, LONGEST_SIDE))
  // The canvas stays in main memory: reading pixels back from a GPU may change them.
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  context.globalCompositeOperation = 'copy'
  for (let y = 0; y < height; y += canvas.height) {
    for (let x = 0; x < width; x += canvas.width) {
      const [w, h] = [Math.min(canvas.width, width - x), Math.min(canvas.height, height - y)]
      context.drawImage(bitmap, x, y, w, h, 0, 0, w, h)
      copyRgb(context.getImageData(0, 0, w, h), image, x, y)
    }
  }
  bitmap.close()
  return image
}

function withoutAlpha(pixels: ImageData): RgbImage {
  const { width, height } = pixels
  const image = { data: new Uint8Array(3 * width * height), width, height }
  copyRgb(pixels, image, 0, 0)
  return image
}

/** Copies pixels into an image at (`x`, `y`). */
function copyRgb({ data: rgba, width, height }: ImageData, image: RgbImage, x: number, y: number): void {
  const { data } = image
  for (let row = 0, from = 0; row < height; row++) {
    let to = 3 * ((y + row) * image.width + x)
    for (const end = to + 3 * width; to < end; from += 4, to += 3) {
      data[to] = rgba[from]
      data[to + 1] = rgba[from + 1]
      data[to + 2] = rgba[from + 2]
    }
  }
}
