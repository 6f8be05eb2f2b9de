import { pixelsWithin } from '../pixels.js'

/**
 * Returns how many pixels one image may have by default: at most 8192x8192, fewer where half of the available memory
 * would not suffice.
 *
 * @param bytesPerPixel what the work needs for each pixel
 */
export function defaultMaxPixels(bytesPerPixel = 32): number {
  return pixelsWithin(process.availableMemory(), bytesPerPixel)
}
