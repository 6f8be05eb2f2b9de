import type { RgbImage } from '../engine/rgb-image.js'

/** Returns an image upright, by its EXIF orientation. */
export function upright(image: RgbImage, orientation: number): RgbImage {
  if (orientation === 1) return image
  const turned = orientation > 4
  const width = turned ? image.height : image.width
  const height = turned ? image.width : image.height
  const data = new Uint8Array(image.data.length)
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const [a, b] = turned ? [y, x] : [x, y]
      const right = orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8
      const bottom = orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7
      const column = right ? image.width - 1 - a : a
      const row = bottom ? image.height - 1 - b : b
      const from = 3 * (row * image.width + column)
      data[to] = image.data[from]
      data[to + 1] = image.data[from + 1]
      data[to + 2] = image.data[from + 2]
    }
  }
  return { data, width, height }
}
