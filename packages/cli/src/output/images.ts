import { join } from 'node:path'
import { colorize, encodeLabelPng, type ReportPanel, type Rgb, toLabelIds } from '@inverseform/cityscapes'
import type { Segmentation } from '@inverseform/runtime-node'
import { encodePng, writeWholeFile } from '@inverseform/shared/node'
import sharp, { type Sharp } from 'sharp'

/**
 * Encodes labels as a PNG of Cityscapes' label ids. The labels of a model without Cityscapes' 19 classes stay as they are,
 * since they have no label ids.
 */
export function pngOfLabels({
  width,
  height,
  labels,
  numClasses,
}: Segmentation<readonly ['labels']>): Promise<Uint8Array> {
  return pngOfIds(numClasses === 19 ? toLabelIds(labels) : labels, width, height)
}

/** Encodes ids as a gray PNG, with 16 bits for a Uint16Array. */
export async function pngOfIds(
  ids: Uint8Array | Uint16Array,
  width: number,
  height: number,
): Promise<Uint8Array> {
  // Sharp is ten times as fast, and leaves this thread free.
  if (ids instanceof Uint8Array) return pngOfGray(ids, width, height)
  return encodeLabelPng({ width, height, data: ids })
}

/** Encodes ids as a PNG of their colors, for looking at. Ids outside the palette are black. */
export function pngOfColors(
  ids: Uint8Array | Uint16Array,
  palette: readonly Rgb[],
  width: number,
  height: number,
): Promise<Uint8Array> {
  if (ids instanceof Uint16Array || palette.length > 256) {
    return pngOfRgb(colorize(ids, palette), width, height)
  }
  // A third of the bytes of RGB. The colors that are left are black.
  const colors = new Uint8Array(3 * 256)
  colors.set(palette.flat())
  return encodePng({ width, height, data: ids, palette: colors }, { level: COMPRESSION })
}

/** Encodes interleaved 8-bit RGB, or opaque RGBA, as a PNG: lossless, and small for flat colors. */
export function pngOfRgb(
  rgb: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
): Promise<Buffer> {
  return rawPicture(rgb, width, height).png({ palette: false, compressionLevel: COMPRESSION }).toBuffer()
}

/** Twice as fast as sharp's default, for files that are 30 % larger. */
const COMPRESSION = 3

/** The most pixels that a JPEG file can have in a row or column. */
const MAX_JPEG_SIDE = 65_500

/** Returns the extension of photographs: `jpg`, or `png` for those that are too long for a JPEG file. */
export const photoExtension = (width: number, height: number): 'jpg' | 'png' =>
  Math.max(width, height) > MAX_JPEG_SIDE ? 'png' : 'jpg'

/** Encodes interleaved 8-bit RGB, or opaque RGBA, as {@link photoExtension} says: for photographs and what is drawn over them. */
export function photoOfRgb(
  rgb: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
): Promise<Buffer> {
  if (photoExtension(width, height) === 'png') return pngOfRgb(rgb, width, height)
  // Codes that fit the picture take more than half of the time, for files that are 3 % smaller.
  return rawPicture(rgb, width, height).jpeg({ quality: 88, optimizeCoding: false }).toBuffer()
}

function rawPicture(pixels: Uint8Array | Uint8ClampedArray, width: number, height: number): Sharp {
  const channels = pixels.length === 4 * width * height ? 4 : 3
  return sharp(pixels, { raw: { width, height, channels } }).removeAlpha()
}

/** Encodes values in [0,1] as an 8-bit gray PNG. */
export function pngOfUnit(values: Float32Array, width: number, height: number): Promise<Buffer> {
  const gray = new Uint8Array(values.length)
  // Storing truncates; calling Math.round for each pixel takes longer than all of the rest.
  for (let i = 0; i < values.length; i++) gray[i] = 255 * values[i] + 0.5
  return pngOfGray(gray, width, height)
}

function pngOfGray(gray: Uint8Array, width: number, height: number): Promise<Buffer> {
  return sharp(gray, { raw: { width, height, channels: 1 } })
    .toColorspace('b-w')
    .png({ compressionLevel: COMPRESSION })
    .toBuffer()
}

/** A picture of an image: its title on the page, the end of its file name, its bytes. */
export type Picture = readonly [title: string, file: string, bytes: Promise<Uint8Array>]

/** Writes the pictures of an image to `<folder>/images/`, and returns them as panels of the page. */
export function writePictures(
  folder: string,
  name: string,
  pictures: readonly Picture[],
): Promise<ReportPanel[]> {
  return Promise.all(
    pictures.map(async ([title, file, bytes]) => {
      const path = `images/${name}_${file}`
      await writeWholeFile(join(folder, path), await bytes)
      return { title, src: path.split('/').map(encodeURIComponent).join('/') }
    }),
  )
}
