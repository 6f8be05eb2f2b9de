import { InverseFormError } from '@inverseform/errors'

/** Squared distance of every pixel if the mask is empty. */
export const FAR = 0x7fffffff

/** Maximum number of rows or columns. The square of the diagonal must be less than {@link FAR}. */
export const MAX_SIDE = 32767

/** More than any distance within a column. With a column's length added, it still fits 16 bits. */
const NONE = 32768

/**
 * Computes the squares of the exact Euclidean distances of all pixels to the nearest nonzero pixel of `mask`, in pixels between
 * centers. They are integers; if the mask is empty, all are {@link FAR}. It runs in time linear in the number of pixels.
 *
 * Sources: Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions, Theory of Computing 2012 (lower
 * envelopes of parabolas); Meijster, Roerdink and Hesselink, ISMM 2000 (their integer borders).
 *
 * @param mask height x width in C order
 * @param into array for the result, with at least height x width elements; defaults to a new array
 * @returns height x width
 * @throws InverseFormError `limit-exceeded` for more than 32767 rows or columns
 */
export function squaredDistances(
  mask: Uint8Array,
  width: number,
  height: number,
  into = new Int32Array(width * height),
): Int32Array {
  if (Math.max(width, height) > MAX_SIDE) {
    throw new InverseFormError(
      'limit-exceeded',
      `The distance transform accepts at most ${MAX_SIDE} rows and columns, got ${width} x ${height} pixels.`,
      {
        hint: 'Cut the map into smaller parts.',
        details: { width, height },
      },
    )
  }
  const squares = into.subarray(0, width * height)
  const above = distancesAbove(mask, width, height)
  // A column with a pixel of the mask has a distance in every row. Other columns have none.
  const bottom = above.subarray((height - 1) * width)
  const columns = Int32Array.from(bottom.keys()).filter((x) => bottom[x] < NONE)
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

/** Returns the rows up to the nearest pixel of the mask in the same column, 0 for the mask itself; at least {@link NONE} if none exists. */
function distancesAbove(mask: Uint8Array, width: number, height: number): Uint16Array {
  const distances = new Uint16Array(width * height)
  for (let x = 0; x < width; x++) distances[x] = mask[x] === 0 ? NONE : 0
  for (let i = width; i < distances.length; i++) distances[i] = mask[i] === 0 ? distances[i - width] + 1 : 0
  return distances
}

/** The lower envelope of a row's parabolas (x - v)² + distance(v)². Its arrays are reused for every row. */
interface Envelope {
  /** The columns v whose parabolas are part of the envelope, from left to right. */
  readonly vertices: Int32Array
  /** v² + distance(v)² of each vertex. Parabolas differ by this and by -2xv. */
  readonly intercepts: Int32Array
  /** The first x at which each is lowest, followed by the row's width. */
  readonly starts: Int32Array
}

/**
 * Completes a row's distances within columns and finds their envelope.
 *
 * @param row distances to the nearest pixel above; updated to those to the nearest pixel above or below
 * @param below the completed distances of the next row
 * @param columns the columns with a pixel of the mask
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
    const v = columns[i]
    const distance = Math.min(row[v], below[v] + 1)
    row[v] = distance
    const intercept = v * v + distance * distance
    let start = 0
    while (last >= 0) {
      // The parabola of v is below that of the previous vertex u where 2x(v - u) > the difference of the intercepts.
      const slope = 2 * (v - vertices[last])
      const difference = intercept - intercepts[last]
      if (slope * starts[last] <= difference) {
        // Most columns are adjacent, and for them a shift is faster than a division.
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

/** Writes the envelope's values at x = 0..width - 1 to `squares`, starting at `offset`. */
function evaluate(
  { vertices, intercepts, starts }: Envelope,
  last: number,
  squares: Int32Array,
  offset: number,
): void {
  for (let k = 0; k <= last; k++) {
    const v = vertices[k]
    const square = intercepts[k] - v * v
    const end = starts[k + 1]
    for (let x = starts[k]; x < end; x++) squares[offset + x] = (x - v) * (x - v) + square
  }
}
