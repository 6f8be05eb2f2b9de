import { normalizeImages } from '@inverseform/runtime'

/** The size of a rectangle of pixels and where it goes in a larger one. */
interface Placement {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/** For each channel, the normalized value of each byte. */
const tables = /* @__PURE__ */ (() => {
  const all = Uint8Array.from({ length: 3 * 256 }, (_, i) => Math.floor(i / 3))
  const { data } = normalizeImages([{ data: all, width: 256, height: 1 }])
  return [0, 1, 2].map((channel) => data.subarray(256 * channel, 256 * (channel + 1)))
})()

/**
 * Blurs interleaved bytes, normalizes them as the networks' input, and writes them to three planes of `cropWidth` columns.
 *
 * @param sigma standard deviation of the blur in pixels, cut off at 4 of them, with the outermost pixels repeated, as
 *   scikit-image's `gaussian` does; 0 for none. Blurred values are not rounded to bytes.
 */
export function writeNormalized(
  pixels: Uint8Array,
  placement: Placement,
  sigma: number,
  planes: readonly Float32Array[],
  cropWidth: number,
): void {
  const kernel = gaussian(sigma)
  if (kernel.length > 1) writeBlurred(pixels, placement, kernel, planes, cropWidth)
  else writePlain(pixels, placement, planes, cropWidth)
}

function writePlain(
  pixels: Uint8Array,
  { left, top, width, height }: Placement,
  planes: readonly Float32Array[],
  cropWidth: number,
): void {
  planes.forEach((plane, channel) => {
    const table = tables[channel]
    for (let y = 0, from = channel; y < height; y++) {
      const start = (top + y) * cropWidth + left
      for (let x = 0; x < width; x++, from += 3) plane[start + x] = table[pixels[from]]
    }
  })
}

/** The weights of a Gaussian from its middle outwards; the sum over both sides is 1. */
function gaussian(sigma: number): Float64Array {
  const radius = Math.floor(4 * sigma + 0.5)
  const weights = Float64Array.from({ length: radius + 1 }, (_, x) =>
    x === 0 ? 1 : Math.exp(-(x * x) / (2 * sigma * sigma)),
  )
  const sum = weights.reduce((total, weight, x) => total + (x === 0 ? weight : 2 * weight), 0)
  return weights.map((weight) => weight / sum)
}

/** Blurs a row at a time: first over rows, then along the row, so that one row of floats is all that it keeps. */
function writeBlurred(
  pixels: Uint8Array,
  { left, top, width, height }: Placement,
  kernel: Float64Array,
  planes: readonly Float32Array[],
  cropWidth: number,
): void {
  const rowLength = 3 * width
  const radius = kernel.length - 1
  const margin = 3 * radius
  const row = new Float32Array(rowLength + 2 * margin)
  const blurred = new Float32Array(rowLength)
  const slopes = tables.map((table) => (table[255] - table[0]) / 255)
  for (let y = 0; y < height; y++) {
    for (let i = 0, from = y * rowLength; i < rowLength; i++) row[margin + i] = kernel[0] * pixels[from + i]
    for (let k = 1; k <= radius; k++) {
      const above = Math.max(0, y - k) * rowLength
      const below = Math.min(height - 1, y + k) * rowLength
      const weight = kernel[k]
      for (let i = 0; i < rowLength; i++) row[margin + i] += weight * (pixels[above + i] + pixels[below + i])
    }
    for (let i = 0; i < margin; i++) {
      row[i] = row[margin + (i % 3)]
      row[margin + rowLength + i] = row[margin + rowLength - 3 + (i % 3)]
    }
    for (let i = 0; i < rowLength; i++) blurred[i] = kernel[0] * row[margin + i]
    for (let k = 1; k <= radius; k++) {
      const weight = kernel[k]
      const before = margin - 3 * k
      const after = margin + 3 * k
      for (let i = 0; i < rowLength; i++) blurred[i] += weight * (row[before + i] + row[after + i])
    }
    const start = (top + y) * cropWidth + left
    planes.forEach((plane, channel) => {
      const [slope, zero] = [slopes[channel], tables[channel][0]]
      for (let x = 0; x < width; x++) plane[start + x] = blurred[3 * x + channel] * slope + zero
    })
  }
}
