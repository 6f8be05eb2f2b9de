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
 * @param sigma standard deviation of the blur in pixels, with the outermost pixels repeated, as scikit-image's `gaussian`
 *   does; 0 for none. Blurred values are not rounded to bytes.
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

/** Weights below this are left out: together they would move a value by less than half a byte. */
const LEAST_WEIGHT = 5e-4

/** The weights of a Gaussian from its middle outwards; the sum over both sides is 1. */
function gaussian(sigma: number): readonly number[] {
  const values = Array.from({ length: Math.floor(4 * sigma + 0.5) + 1 }, (_, x) =>
    x === 0 ? 1 : Math.exp(-(x * x) / (2 * sigma * sigma)),
  )
  const total = (list: readonly number[]) => list.reduce((sum, value) => sum + 2 * value, -1)
  const kept = values.filter((value) => value >= LEAST_WEIGHT * total(values))
  return kept.map((value) => value / total(kept))
}

/** Blurs a row at a time: first over rows, then along the row, so that it keeps two rows of numbers and no image of them. */
function writeBlurred(
  pixels: Uint8Array,
  { left, top, width, height }: Placement,
  kernel: readonly number[],
  planes: readonly Float32Array[],
  cropWidth: number,
): void {
  const rowLength = 3 * width
  const distances = kernel.map((_, k) => k)
  const margin = 3 * (kernel.length - 1)
  const row = new Float64Array(rowLength + 2 * margin)
  const blurred = new Float64Array(rowLength)
  const before = distances.map((k) => margin - 3 * k)
  const after = distances.map((k) => margin + 3 * k)
  for (let y = 0; y < height; y++) {
    const above = distances.map((k) => Math.max(0, y - k) * rowLength)
    const below = distances.map((k) => Math.min(height - 1, y + k) * rowLength)
    weigh(pixels, above, below, kernel, row.subarray(margin, margin + rowLength))
    for (let i = 0; i < margin; i++) {
      row[i] = row[margin + (i % 3)]
      row[margin + rowLength + i] = row[margin + rowLength - 3 + (i % 3)]
    }
    weigh(row, before, after, kernel, blurred)
    const start = (top + y) * cropWidth + left
    planes.forEach((plane, channel) => {
      const zero = tables[channel][0]
      const slope = (tables[channel][255] - zero) / 255
      for (let x = 0; x < width; x++) plane[start + x] = blurred[3 * x + channel] * slope + zero
    })
  }
}

/**
 * Fills `out` with weighted sums of runs of `source`. The run at `first[k]` and the one at `second[k]` have the weight
 * `kernel[k]`; for k = 0 they are the same run, which counts once.
 */
function weigh(
  source: Uint8Array | Float64Array,
  first: readonly number[],
  second: readonly number[],
  kernel: readonly number[],
  out: Float64Array,
): void {
  // Two distances in one pass halve the reads and writes of `out`. A missing one weighs nothing.
  const pair = (k: number) => [first[k] ?? 0, second[k] ?? 0, kernel[k] ?? 0] as const
  const middle = first[0]
  const weight = kernel[0]
  for (let k = 1; k === 1 || k < kernel.length; k += 2) {
    const [a, b, near] = pair(k)
    const [c, d, far] = pair(k + 1)
    if (k === 1) {
      for (let i = 0; i < out.length; i++) {
        const sum = near * (source[a + i] + source[b + i]) + far * (source[c + i] + source[d + i])
        out[i] = weight * source[middle + i] + sum
      }
    } else {
      for (let i = 0; i < out.length; i++) {
        out[i] += near * (source[a + i] + source[b + i]) + far * (source[c + i] + source[d + i])
      }
    }
  }
}
