import { pixelsWithin } from '@inverseform/shared'

/** Bytes that segmenting needs for each pixel, as in Node. */
const BYTES_PER_PIXEL = 32

/**
 * Returns how many pixels an image may have by default: half of the device's memory suffices for them, of which a page
 * gets a part. Browsers that do not report the memory count as having 4 GiB.
 */
export function defaultMaxPixels(): number {
  const { deviceMemory = 4 } = navigator as { deviceMemory?: number }
  return pixelsWithin((deviceMemory * 2 ** 30) / 2, BYTES_PER_PIXEL)
}
