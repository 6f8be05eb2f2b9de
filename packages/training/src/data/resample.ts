import type { RgbImage } from '@inverseform/runtime'
import type { Augmentation } from './augmentation.js'

/** The part of a crop that the scaled image covers, and which pixels of the image each of its rows and columns reads. */
export interface Region {
  /** Position and size in the crop. */
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
  readonly columns: Taps
  readonly rows: Taps
}

/** For each output position: the two input positions between which it lies, and the nearest. */
interface Taps {
  readonly first: Int32Array
  readonly second: Int32Array
  /** Weight of the second. */
  readonly weight: Float32Array
  readonly nearest: Int32Array
}

/** Finds which pixels of an image a crop shows. */
export function cropRegion(
  image: { readonly width: number; readonly height: number },
  { scaled, crop, left, top, flip }: Augmentation,
): Region {
  const width = Math.min(crop.width, scaled.width)
  const height = Math.min(crop.height, scaled.height)
  const padLeft = Math.max(0, -left)
  return {
    left: flip ? crop.width - width - padLeft : padLeft,
    top: Math.max(0, -top),
    width,
    height,
    columns: taps(image.width, scaled.width, Math.max(0, left), width, flip),
    rows: taps(image.height, scaled.height, Math.max(0, top), height, false),
  }
}

/** Coordinates are those of pixel centers, limited to the image, as everywhere in this project. */
function taps(length: number, scaled: number, start: number, count: number, reversed: boolean): Taps {
  const first = new Int32Array(count)
  const second = new Int32Array(count)
  const weight = new Float32Array(count)
  const nearest = new Int32Array(count)
  const ratio = length / scaled
  for (let i = 0; i < count; i++) {
    const to = reversed ? count - 1 - i : i
    const center = (start + i + 0.5) * ratio
    const position = Math.min(length - 1, Math.max(0, center - 0.5))
    first[to] = Math.floor(position)
    second[to] = Math.min(length - 1, first[to] + 1)
    weight[to] = position - first[to]
    nearest[to] = Math.min(length - 1, Math.floor(center))
  }
  return { first, second, weight, nearest }
}

/** Returns the region of an image, interpolated bilinearly: interleaved bytes. */
export function resampleImage({ data, width }: RgbImage, region: Region): Uint8Array {
  const { columns, rows } = region
  const rowLength = 3 * region.width
  const out = new Uint8Array(region.height * rowLength)
  // Rows of the image that are interpolated already. Most rows of the output share one with the row before.
  let above = new Float32Array(rowLength)
  let below = new Float32Array(rowLength)
  let aboveRow = -1
  let belowRow = -1
  const fill = (buffer: Float32Array, row: number) => {
    const start = 3 * row * width
    for (let x = 0, to = 0; x < region.width; x++, to += 3) {
      const a = start + 3 * columns.first[x]
      const b = start + 3 * columns.second[x]
      const weight = columns.weight[x]
      buffer[to] = data[a] + weight * (data[b] - data[a])
      buffer[to + 1] = data[a + 1] + weight * (data[b + 1] - data[a + 1])
      buffer[to + 2] = data[a + 2] + weight * (data[b + 2] - data[a + 2])
    }
  }
  for (let y = 0; y < region.height; y++) {
    const [first, second, weight] = [rows.first[y], rows.second[y], rows.weight[y]]
    if (first === belowRow) {
      const free = above
      above = below
      below = free
      belowRow = -1
    } else if (first !== aboveRow) {
      fill(above, first)
    }
    if (second !== belowRow) fill(below, second)
    aboveRow = first
    belowRow = second
    const start = y * rowLength
    for (let i = 0; i < rowLength; i++) out[start + i] = above[i] + weight * (below[i] - above[i]) + 0.5
  }
  return out
}

/** Writes the region of a target, the nearest label for each pixel, into a crop of `cropWidth` columns. */
export function resampleTarget(
  target: Uint8Array,
  width: number,
  { left, top, columns, rows, ...region }: Region,
  out: Uint8Array,
  cropWidth: number,
): void {
  const { nearest } = columns
  for (let y = 0; y < region.height; y++) {
    const from = rows.nearest[y] * width
    const to = (top + y) * cropWidth + left
    for (let x = 0; x < region.width; x++) out[to + x] = target[from + nearest[x]]
  }
}
