import { InverseFormError } from '@inverseform/errors'

/** The most pixels that one image has by default, however much memory there is: 8192x8192. */
export const MOST_PIXELS = 2 ** 26

/** Returns how many pixels one image may have by default: half of the memory suffices for them. */
export function pixelsWithin(memory: number, bytesPerPixel: number): number {
  return Math.max(1, Math.min(MOST_PIXELS, Math.floor(memory / 2 / bytesPerPixel)))
}

/**
 * Throws for an image with more pixels than allowed. Call it with the size in the header, before anything is decoded.
 *
 * @param name the file or the argument, at the start of the message
 * @throws InverseFormError `limit-exceeded`
 */
export function checkPixels(
  name: string,
  { width, height }: { readonly width: number; readonly height: number },
  maxPixels: number,
): void {
  const pixels = width * height
  if (pixels <= maxPixels) return
  throw new InverseFormError(
    'limit-exceeded',
    `${name} has ${width}x${height} = ${pixels} pixels, at most ${maxPixels} are allowed.`,
    {
      hint: 'Use a smaller image. If there is enough memory, raise `maxPixels`.',
      details: { width, height, pixels, maxPixels },
    },
  )
}
