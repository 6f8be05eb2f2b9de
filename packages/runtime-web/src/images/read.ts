import { checkArgument, checkInteger } from '@inverseform/errors'
import { checkSignal, type RgbImage } from '@inverseform/runtime'
import { defaultMaxPixels } from './max-pixels.js'
import { readImage as readSent } from './read-image.js'
import { type ImageInput, sendImage } from './send-image.js'

export interface ReadImageOptions {
  /** The most pixels that the image may have, as in `createSegmenter`. */
  readonly maxPixels?: number
  /** Aborts a download. */
  readonly signal?: AbortSignal
}

/**
 * Returns the pixels of an image as the network gets them, 8-bit RGB. Files have the pixels that `readImage` returns in Node.
 *
 * @throws `not-found` or `unreadable`, naming the URL or file; `limit-exceeded` for more than `maxPixels`; `invalid-argument`
 * or `size-mismatch` for a value that is not an image; the signal's reason when it is aborted
 */
export async function readImage(image: ImageInput, options: ReadImageOptions = {}): Promise<RgbImage> {
  checkArgument('options', options, typeof options === 'object' && options !== null, 'an object')
  const { maxPixels = defaultMaxPixels(), signal = new AbortController().signal } = options
  checkInteger('maxPixels', maxPixels, { min: 1 })
  checkSignal(signal)
  return readSent(await sendImage(image), { signal, maxPixels })
}
