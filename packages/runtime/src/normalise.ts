import { interpolation } from './interpolation.js'
import type { RgbImage, Tensor } from './tensor.js'

/** ImageNet's mean and standard deviation of RGB in [0,1], which the published models were trained with. */
const MEAN = [0.485, 0.456, 0.406]
const DEVIATION = [0.229, 0.224, 0.225]

/**
 * Images of one size as the network's input [N,3,height,width]: bilinearly resized, normalised, and mirrored
 * left to right when `mirror` is set.
 */
export function normaliseImages(
  images: readonly RgbImage[],
  width: number,
  height: number,
  mirror = false,
): Tensor {
  const data = new Float32Array(images.length * 3 * height * width)
  images.forEach((image, i) => {
    const planes = data.subarray(i * 3 * height * width, (i + 1) * 3 * height * width)
    if (image.width === width && image.height === height) copyInto(planes, image, mirror)
    else resizeInto(planes, image, width, height, mirror)
  })
  return { data, shape: [images.length, 3, height, width] }
}

function copyInto(planes: Float32Array, { data, width, height }: RgbImage, mirror: boolean): void {
  // 256 possible values a channel: looking them up is faster than computing them.
  const tables = MEAN.map((mean, c) =>
    Float32Array.from({ length: 256 }, (_, v) => (v / 255 - mean) / DEVIATION[c]),
  )
  const size = width * height
  for (let c = 0; c < 3; c++) {
    const table = tables[c]
    for (let y = 0; y < height; y++) {
      let to = c * size + y * width + (mirror ? width - 1 : 0)
      const step = mirror ? -1 : 1
      const end = (y + 1) * width * 3
      for (let from = y * width * 3 + c; from < end; from += 3, to += step) planes[to] = table[data[from]]
    }
  }
}

function resizeInto(
  planes: Float32Array,
  image: RgbImage,
  width: number,
  height: number,
  mirror: boolean,
): void {
  const rows = interpolation(image.height, height)
  const columns = interpolation(image.width, width)
  const { data } = image
  for (let y = 0; y < height; y++) {
    const upper = rows.lower[y] * image.width * 3
    const lower = rows.upper[y] * image.width * 3
    const wy = rows.weight[y]
    for (let x = 0; x < width; x++) {
      const left = columns.lower[x] * 3
      const right = columns.upper[x] * 3
      const wx = columns.weight[x]
      const to = y * width + (mirror ? width - 1 - x : x)
      for (let c = 0; c < 3; c++) {
        const top = data[upper + left + c] * (1 - wx) + data[upper + right + c] * wx
        const bottom = data[lower + left + c] * (1 - wx) + data[lower + right + c] * wx
        const value = top * (1 - wy) + bottom * wy
        planes[c * height * width + to] = (value / 255 - MEAN[c]) / DEVIATION[c]
      }
    }
  }
}
