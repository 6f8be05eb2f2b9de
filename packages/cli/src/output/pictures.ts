import { encodeLabelPng, toLabelIds } from '@inverseform/cityscapes'
import type { Segmentation } from '@inverseform/runtime-node'
import sharp from 'sharp'

/**
 * Labels as a PNG of Cityscapes' label ids. A model with other than Cityscapes' 19 classes has none: its labels are
 * written as they are.
 */
export function pngOfLabels({ width, height, labels, classes }: Segmentation): Uint8Array {
  const trainIds = labels as NonNullable<Segmentation['labels']>
  return encodeLabelPng({ width, height, data: classes === 19 ? toLabelIds(trainIds) : trainIds })
}

/** 8-bit RGB, interleaved, as a PNG: lossless and small for flat colours. */
export function pngOfRgb(
  rgb: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
): Promise<Buffer> {
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .png({ palette: false, compressionLevel: 6 })
    .toBuffer()
}

/** 8-bit RGB as a JPEG, for photographs and what is drawn over them. */
export function jpegOfRgb(
  rgb: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
): Promise<Buffer> {
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 88 })
    .toBuffer()
}

/** Values in [0,1] as an 8-bit grey PNG. */
export function pngOfUnit(values: Float32Array, width: number, height: number): Promise<Buffer> {
  const grey = Uint8Array.from(values, (value) => Math.round(255 * value))
  return sharp(grey, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer()
}
