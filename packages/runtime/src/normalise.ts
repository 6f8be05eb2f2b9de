import type { RgbImage, Tensor } from './tensor.js'

/** ImageNet's mean and standard deviation of RGB in [0,1], which the published models were trained with. */
const MEAN = [0.485, 0.456, 0.406]
const DEVIATION = [0.229, 0.224, 0.225]

/** Images of one size as the network's input [N,3,height,width]: `(value / 255 − mean) / deviation`. */
export function normaliseImages(images: readonly RgbImage[]): Tensor {
  const { width, height } = images[0]
  const size = width * height
  const data = new Float32Array(images.length * 3 * size)
  // 256 possible values a channel: looking them up is faster than computing them.
  const tables = MEAN.map((mean, c) =>
    Float32Array.from({ length: 256 }, (_, value) => (value / 255 - mean) / DEVIATION[c]),
  )
  images.forEach(({ data: pixels }, image) => {
    tables.forEach((table, c) => {
      const plane = data.subarray((image * 3 + c) * size, (image * 3 + c + 1) * size)
      for (let from = c, to = 0; to < size; from += 3, to++) plane[to] = table[pixels[from]]
    })
  })
  return { data, shape: [images.length, 3, height, width] }
}
