import { InverseFormError } from '@inverseform/errors'
import type { RgbImage } from './tensor.js'

/** @throws `size-mismatch` unless there are three bytes for each pixel */
export function requireRgbImage({ data, width, height }: RgbImage): void {
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0
  if (whole && data?.length === width * height * 3) return
  throw new InverseFormError(
    'size-mismatch',
    `An RGB image of ${width}x${height} has ${data?.length} bytes.`,
    { hint: 'Give width and height in pixels and 3 bytes a pixel, row by row, without alpha or padding.' },
  )
}
