import { type IdArray, overlay } from '@inverseform/cityscapes'
import type { RgbImage } from '@inverseform/runtime-node'
import sharp from 'sharp'
import type { Crop } from './crops.js'

/** Side of the square that shows a pixel. */
const zoom = 6
const white = 255
const black = 0

/** Draws a crop of an image. */
export function imagePicture(image: RgbImage, crop: Crop): Promise<Buffer> {
  return encode(enlarge(image.data, image.width, crop), crop)
}

/**
 * Draws a crop of labels over its image, with white lines along their boundaries.
 *
 * @param target labels whose boundaries are drawn in black, under the white ones
 */
export function labelPicture(
  image: RgbImage,
  crop: Crop,
  labels: IdArray,
  target?: IdArray,
): Promise<Buffer> {
  const rgb = enlarge(overlay(image.data, labels, 0.6), image.width, crop)
  if (target) outline(rgb, target, image.width, crop, black)
  outline(rgb, labels, image.width, crop, white)
  return encode(rgb, crop)
}

/** Repeats each pixel of a crop in a square. */
function enlarge(rgb: Uint8Array | Uint8ClampedArray, imageWidth: number, crop: Crop): Uint8Array {
  const [width, height] = [crop.width * zoom, crop.height * zoom]
  const large = new Uint8Array(3 * width * height)
  for (let i = 0; i < width * height; i++) {
    const x = crop.x + Math.floor((i % width) / zoom)
    const y = crop.y + Math.floor(i / width / zoom)
    const from = 3 * (y * imageWidth + x)
    large.set(rgb.subarray(from, from + 3), 3 * i)
  }
  return large
}

/** Draws a line of two pixels between neighbors with different labels. */
function outline(large: Uint8Array, labels: IdArray, imageWidth: number, crop: Crop, gray: number): void {
  const width = crop.width * zoom
  const label = (x: number, y: number) => labels[(crop.y + y) * imageWidth + crop.x + x]
  const fill = (x: number, y: number, columns: number, rows: number) => {
    for (let row = y; row < y + rows; row++) {
      const at = row * width + x
      large.fill(gray, 3 * at, 3 * (at + columns))
    }
  }
  for (let y = 0; y < crop.height; y++) {
    for (let x = 0; x < crop.width; x++) {
      if (x > 0 && label(x, y) !== label(x - 1, y)) fill(x * zoom - 1, y * zoom, 2, zoom)
      if (y > 0 && label(x, y) !== label(x, y - 1)) fill(x * zoom, y * zoom - 1, zoom, 2)
    }
  }
}

const encode = (rgb: Uint8Array, crop: Crop) =>
  rgbPicture(rgb, { width: crop.width * zoom, height: crop.height * zoom })

/** Encodes RGB bytes. */
export function rgbPicture(
  rgb: Uint8Array | Uint8ClampedArray,
  { width, height }: { readonly width: number; readonly height: number },
): Promise<Buffer> {
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer()
}
