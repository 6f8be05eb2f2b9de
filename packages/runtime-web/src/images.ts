import { InverseFormError } from '@inverseform/errors'
import { compact, type RgbImage, requireRgbImage } from '@inverseform/runtime'
import { pageUrl } from './page-url.js'

/**
 * An image: its URL, an image file as a Blob, File or bytes, what a canvas can draw (ImageBitmap, ImageData, canvas,
 * OffscreenCanvas, image and video elements, VideoFrame), or RGB pixels. None is changed or closed.
 */
export type ImageInput = string | URL | Uint8Array | ImageBitmapSource | RgbImage

/** An image in a form that can be sent to a worker. Bitmaps are made for the purpose: transfer them. */
export type SentImage = { readonly url: string } | Blob | ImageData | ImageBitmap | RgbImage

/**
 * @throws `unreadable` for a video or an image element with nothing to show yet or with pixels that the page may not
 * read, `size-mismatch` for RGB pixels that are not three bytes each, `invalid-argument` for no image
 */
export async function sendImage(input: ImageInput): Promise<SentImage> {
  if (typeof input === 'string' || input instanceof URL) return { url: imageUrl(input) }
  if (input instanceof Uint8Array) return new Blob([input as Uint8Array<ArrayBuffer>])
  if (input instanceof Blob || isPlainImageData(input)) return input
  if (isRgbImage(input)) return rgbImage(input)
  const given = kindOf(input)
  try {
    const bitmap = await createImageBitmap(input)
    // Bitmaps with pixels of other origins cannot be transferred, which is found out here at no cost.
    return structuredClone(bitmap, { transfer: [bitmap] })
  } catch (cause) {
    const { name, message } = cause as Error
    if (name === 'DataCloneError' || name === 'SecurityError') {
      throw new InverseFormError(
        'unreadable',
        `The ${given} shows pixels of another origin, which pages of ${globalThis.origin} may not read.`,
        {
          hint:
            "Set the element's crossOrigin to 'anonymous' before its src, on a server that sends " +
            'Access-Control-Allow-Origin, or serve the image from your own.',
          cause,
        },
      )
    }
    if (cause instanceof TypeError) {
      throw new InverseFormError('invalid-argument', `An image was given as ${given}.`, {
        hint: 'Give a URL, a Blob, bytes, ImageData, ImageBitmap, a canvas, a video, or { data, width, height } with RGB pixels.',
        cause,
      })
    }
    throw new InverseFormError('unreadable', `The ${given} cannot be read: ${message}`, {
      hint: 'Give it once it has loaded and before it is closed, and a canvas with a size.',
      cause,
    })
  }
}

export function isBitmap(image: unknown): image is ImageBitmap {
  return image instanceof ImageBitmap
}

/** Frees the memory of an image that was made for a worker, before garbage is collected. */
export function closeBitmap(image: unknown): void {
  if (isBitmap(image)) image.close()
}

/** Whether its pixels are bytes of sRGB; the browser converts the others. */
function isPlainImageData(input: unknown): input is ImageData {
  return input instanceof ImageData && input.colorSpace === 'srgb' && input.data instanceof Uint8ClampedArray
}

/** The classes of a canvas or a video have these members too, but for `data`. */
function isRgbImage(input: unknown): input is RgbImage {
  const isObject = typeof input === 'object' && input !== null
  return isObject && 'data' in input && 'width' in input && !(input instanceof ImageData)
}

function rgbImage({ data, width, height }: RgbImage): RgbImage {
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw new InverseFormError('invalid-argument', `RGB pixels were given as ${kindOf(data)}.`, {
      hint: 'Give a Uint8Array or Uint8ClampedArray, red, green and blue from 0 to 255.',
    })
  }
  requireRgbImage({ data, width, height })
  return { data: compact(data), width, height }
}

function kindOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  return value.constructor?.name ?? 'an object'
}

function imageUrl(url: string | URL): string {
  try {
    return pageUrl(url)
  } catch (cause) {
    throw new InverseFormError('invalid-argument', `An image was given as "${url}", which is not a URL.`, {
      hint: 'Give a URL, absolute or relative to the page.',
      cause,
    })
  }
}
