import { checkArgument, checkByteArray, checkInteger, checkLength } from '@inverseform/errors'
import type { Tensor } from './backend.js'

/** An image as 8-bit RGB, interleaved, row by row: `data.length === width * height * 3`. */
export interface RgbImage {
  readonly data: Uint8Array | Uint8ClampedArray
  readonly width: number
  readonly height: number
}

/** The name of an image in messages: `image` alone, `images[1]` in a list. */
export const imageArgument = (index: number, count: number): string =>
  count === 1 ? 'image' : `images[${index}]`

/**
 * Checks that an image has a size and three bytes per pixel.
 * @throws `invalid-argument` for pixels that are not bytes, such as floats; `size-mismatch` for a wrong number of bytes
 */
export function checkRgbImage(image: RgbImage, name = 'image'): void {
  checkArgument(name, image, typeof image === 'object' && image !== null, 'an object { data, width, height }')
  const { data, width, height } = image
  // Of a list, the message also names the element.
  const member = (key: string) => (name === 'image' ? key : `${name}.${key}`)
  checkInteger(member('width'), width, { min: 1 })
  checkInteger(member('height'), height, { min: 1 })
  checkByteArray(member('data'), data, {
    hint: 'Convert the pixels to 8-bit RGB: 3 bytes per pixel, from 0 to 255, row by row.',
  })
  checkLength(
    member('data'),
    data.length,
    width * height * 3,
    `3 bytes for each of ${width}x${height} pixels`,
    {
      hint: 'Pass the pixels row by row, without alpha or padding.',
    },
  )
}

/** Mean and standard deviation of ImageNet's RGB in [0,1], which the published models were trained with. */
const MEAN = [0.485, 0.456, 0.406]
const DEVIATION = [0.229, 0.224, 0.225]

/** `(value / 255 − mean) / deviation` of each byte, 256 for each channel: a table is faster than computing. */
export const NORMALIZED = Float32Array.from({ length: 3 * 256 }, (_, i) => {
  const channel = Math.floor(i / 256)
  return ((i % 256) / 255 - MEAN[channel]) / DEVIATION[channel]
})

/** Converts images of one size to the network's input [N,3,height,width]: `(value / 255 − mean) / deviation`. */
export function normalizeImages(images: readonly RgbImage[]): Tensor {
  const { width, height } = images[0]
  const size = width * height
  const data = new Float32Array(images.length * 3 * size)
  images.forEach(({ data: pixels }, image) => {
    for (let c = 0; c < 3; c++) {
      const table = NORMALIZED.subarray(256 * c, 256 * (c + 1))
      const plane = data.subarray((image * 3 + c) * size, (image * 3 + c + 1) * size)
      for (let from = c, to = 0; to < size; from += 3, to++) plane[to] = table[pixels[from]]
    }
  })
  return { data, shape: [images.length, 3, height, width] }
}
