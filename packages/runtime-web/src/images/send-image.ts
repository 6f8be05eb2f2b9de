import { InverseFormError, typeName } from '@inverseform/errors'
import { checkRgbImage, compact, type RgbImage } from '@inverseform/runtime'
import { pageUrl } from '../download/page-url.js'

/**
 * An image: its URL, an image file as a Blob, File or bytes, anything that a canvas can draw (ImageBitmap, ImageData,
 * canvas, OffscreenCanvas, image and video elements, VideoFrame), or RGB pixels. Images are not changed or closed.
 */
export type ImageInput = string | URL | Uint8Array | ImageBitmapSource | RgbImage

/** An image in a form that can be sent to a worker. Bitmaps are copies made for the worker: transfer them. */
export type SentImage = { readonly url: string } | Blob | ImageData | ImageBitmap | RgbImage

/**
 * Converts an image into a form that can be sent to a worker.
 *
 * @param name the argument, for messages
 * @throws `unreadable` for an image or video element that has nothing to show yet, or whose pixels the page may not read;
 * `invalid-argument` for a value that is not an image, or pixels that are not bytes; `size-mismatch` for pixels that are
 * not 3 bytes each
 */
export async function sendImage(input: ImageInput, name = 'image'): Promise<SentImage> {
  if (typeof input === 'string' || input instanceof URL) return { url: imageUrl(input, name) }
  if (input instanceof Uint8Array) return new Blob([input as Uint8Array<ArrayBuffer>])
  if (input instanceof Blob || isPlainImageData(input)) return input
  if (isRgbImage(input)) {
    checkRgbImage(input, name)
    const { data, width, height } = input
    return { data: compact(data), width, height }
  }
  try {
    const bitmap = await createImageBitmap(input)
    // Bitmaps with pixels of other origins cannot be transferred; transferring them here shows it early, at no cost.
    return structuredClone(bitmap, { transfer: [bitmap] })
  } catch (cause) {
    throw notReadable(input, name, cause as Error)
  }
}

export function isBitmap(image: unknown): image is ImageBitmap {
  return image instanceof ImageBitmap
}

/** Frees the memory of an image that was made for a worker, before the garbage collector does. */
export function closeBitmap(image: unknown): void {
  if (isBitmap(image)) image.close()
}

/** Returns whether the pixels are bytes of sRGB. The browser converts all others. */
function isPlainImageData(input: unknown): input is ImageData {
  return input instanceof ImageData && input.colorSpace === 'srgb' && input.data instanceof Uint8ClampedArray
}

/** Only RGB pixels have `data`; canvases and videos have a width, too. */
function isRgbImage(input: unknown): input is RgbImage {
  const isObject = typeof input === 'object' && input !== null
  return isObject && 'data' in input && 'width' in input && !(input instanceof ImageData)
}

function notReadable(input: unknown, argument: string, cause: Error): InverseFormError {
  const { name, message } = cause
  if (name === 'DataCloneError' || name === 'SecurityError') {
    return new InverseFormError(
      'unreadable',
      `The ${kindOf(input)} shows pixels of another origin, which pages of ${globalThis.origin} may not read.`,
      {
        hint:
          "Set the element's crossOrigin to 'anonymous' before its src, on a server that sends " +
          'Access-Control-Allow-Origin, or serve the image from your own origin.',
        cause,
      },
    )
  }
  if (cause instanceof TypeError) {
    return new InverseFormError(
      'invalid-argument',
      `\`${argument}\` must be an image, got ${kindOf(input)}.`,
      {
        hint: 'Pass a URL, a Blob, the bytes of a file, ImageData, an ImageBitmap, a canvas, an image or video element, or { data, width, height } with RGB pixels.',
        cause,
      },
    )
  }
  return new InverseFormError('unreadable', `The ${kindOf(input)} cannot be read: ${message}`, {
    hint: 'Pass an image after it has loaded and before it is closed. A canvas must have a size.',
    cause,
  })
}

function kindOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  return value.constructor?.name ?? typeName(value)
}

function imageUrl(url: string | URL, name: string): string {
  try {
    return pageUrl(url)
  } catch (cause) {
    throw new InverseFormError('invalid-argument', `\`${name}\` must be a valid URL, got "${url}".`, {
      hint: 'Pass a URL that is absolute or relative to the page.',
      cause,
    })
  }
}
