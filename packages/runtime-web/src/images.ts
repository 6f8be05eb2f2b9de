import { InverseFormError } from '@inverseform/errors'
import type { RgbImage } from '@inverseform/runtime'
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
 * read, `invalid-argument` for no image
 */
export async function sendImage(input: ImageInput): Promise<SentImage> {
  if (typeof input === 'string' || input instanceof URL) return { url: imageUrl(input) }
  if (input instanceof Uint8Array) return new Blob([input as Uint8Array<ArrayBuffer>])
  if (input instanceof Blob || input instanceof ImageData) return input
  if (isRgbImage(input)) return { data: compact(input.data), width: input.width, height: input.height }
  const given =
    input === null ? 'null' : typeof input === 'object' ? (input as object).constructor.name : typeof input
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
      hint: 'Wait until it has loaded, and give a canvas a size.',
      cause,
    })
  }
}

export function isBitmap(image: SentImage): image is ImageBitmap {
  return image instanceof ImageBitmap
}

/** The classes of a canvas or a video have these members too, but for `data`. */
function isRgbImage(input: object): input is RgbImage {
  return typeof input === 'object' && input !== null && 'data' in input && 'width' in input
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

/** Sending a view sends the whole of its buffer: a small part of a large one is copied first. */
function compact(data: RgbImage['data']): RgbImage['data'] {
  return ArrayBuffer.isView(data) && data.byteLength < data.buffer.byteLength ? data.slice() : data
}
