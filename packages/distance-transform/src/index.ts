import { InverseFormError } from '@inverseform/errors'

/** The square of every pixel's distance where the mask is empty. */
export const FAR = 0x7fffffff

/** Most rows or columns: the square of the diagonal has to be less than {@link FAR}. */
export const MAX_SIDE = 32767

/** More than any distance within a column; with a column's length added it still fits 16 bits. */
const NONE = 32768

/**
 * Squares of the exact Euclidean distances of all pixels to the nearest pixel where `mask` is not 0, in pixels between
 * centres: whole numbers, {@link FAR} everywhere when the mask is empty. Linear in the number of pixels.
 *
 * Sources: Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions, Theory of Computing 2012 (lower
 * envelopes of parabolas); Meijster, Roerdink and Hesselink, ISMM 2000 (their borders in whole numbers).
 *
 * @param mask height x width in C order
 * @param into receives the result: height x width at least, of which the first are used; made when left out
 * @returns height x width
 * @throws InverseFormError `limit-exceeded` for more than 32767 rows or columns
 */
export function squaredDistances(
  mask: Uint8Array,
  width: number,
  height: number,
  into = new Int32Array(width * height),
): Int32Array {
  if (Math.max(width, height) > MAX_SIDE)
    throw new InverseFormError('limit-exceeded', `A distance transform of ${width} x ${height} pixels.`, {
      hint: `Cut the map into parts of at most ${MAX_SIDE} rows and columns.`,
      details: { width, height },
    })
  const squares = into.subarray(0, width * height)
  const above = distancesAbove(mask, width, height)
  // A column with a pixel of the mask has a distance in every row, one without has none in any.
  const bottom = above.subarray((height - 1) * width)
  const columns = Int32Array.from(bottom.keys()).filter((x) => bottom[x]! < NONE)
  if (columns.length === 0) return squares.fill(FAR)
  const envelope: Envelope = {
    vertices: new Int32Array(width),
    intercepts: new Int32Array(width),
    starts: new Int32Array(width + 1),
  }
  for (let y = height - 1; y >= 0; y--) {
    const row = above.subarray(y * width, (y + 1) * width)
    const below = y === height - 1 ? row : above.subarray((y + 1) * width, (y + 2) * width)
    const last = lowerEnvelope(row, below, columns, envelope)
    evaluate(envelope, last, squares, y * width)
  }
  return squares
}

/** Rows up to the nearest pixel of the mask in the same column, this row's included; {@link NONE} or more: there is none. */
function distancesAbove(mask: Uint8Array, width: number, height: number): Uint16Array {
  const distances = new Uint16Array(width * height)
  for (let x = 0; x < width; x++) distances[x] = mask[x] === 0 ? NONE : 0
  for (let i = width; i < distances.length; i++) distances[i] = mask[i] === 0 ? distances[i - width]! + 1 : 0
  return distances
}

/** The lowest of a row's parabolas (x - v)² + distance(v)², as scratch for one row after the other. */
interface Envelope {
  /** The columns v whose parabolas are lowest somewhere, from left to right. */
  readonly vertices: Int32Array
  /** v² + distance(v)² of each: parabolas differ by this and by -2xv. */
  readonly intercepts: Int32Array
  /** The first x at which each is lowest, and the row's width after the last. */
  readonly starts: Int32Array
}

/**
 * Completes a row's distances within columns, and finds their envelope.
 *
 * @param row distances to the nearest pixel above; becomes those to the nearest above or below
 * @param below the next row's, completed
 * @param columns those with a pixel of the mask
 * @returns index of the envelope's last vertex
 */
function lowerEnvelope(
  row: Uint16Array,
  below: Uint16Array,
  columns: Int32Array,
  { vertices, intercepts, starts }: Envelope,
): number {
  const width = row.length
  let last = -1
  for (let i = 0; i < columns.length; i++) {
    const v = columns[i]!
    const distance = Math.min(row[v]!, below[v]! + 1)
    row[v] = distance
    const intercept = v * v + distance * distance
    let start = 0
    while (last >= 0) {
      // The parabola of v is below that of the vertex u before it where 2x(v - u) > the difference of the intercepts.
      const slope = 2 * (v - vertices[last]!)
      const difference = intercept - intercepts[last]!
      if (slope * starts[last]! <= difference) {
        // A shift for neighbouring columns, which are most, is faster than a division.
        start = (slope === 2 ? difference >> 1 : (difference / slope) | 0) + 1
        break
      }
      last--
    }
    if (start >= width) continue
    last++
    vertices[last] = v
    intercepts[last] = intercept
    starts[last] = start
  }
  starts[last + 1] = width
  return last
}

/** Writes the envelope's values at x = 0..width - 1 to `squares`, from `offset` on. */
function evaluate(
  { vertices, intercepts, starts }: Envelope,
  last: number,
  squares: Int32Array,
  offset: number,
): void {
  for (let k = 0; k <= last; k++) {
    const v = vertices[k]!
    const square = intercepts[k]! - v * v
    const end = starts[k + 1]!
    for (let x = starts[k]!; x < end; x++) squares[offset + x] = (x - v) * (x - v) + square
  }
}
