import { checkArgument, checkInteger, checkLength, typeName } from '@inverseform/errors'

/** An image to draw polygons into: width · height values, row by row from the top left. */
export interface Canvas {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array | Uint16Array | Uint32Array
}

/** An edge that is not horizontal. Slopes and crossings are single precision, as in Pillow, so that they round alike. */
interface Edge {
  /** Index among the edges of the polygon. */
  readonly index: number
  readonly x0: number
  readonly y0: number
  readonly top: number
  readonly bottom: number
  /** Columns per row. */
  readonly slope: number
}

/**
 * Fills a polygon exactly as Pillow 9.4 does (`ImageDraw.polygon(fill=…)`, src/libImaging/Draw.c): edges belong to the
 * polygon, the even-odd rule defines its inside, and coordinates are truncated toward 0.
 *
 * Other versions of Pillow differ by single pixels at corners so sharp that rounding detaches them. Pillow introduced
 * special handling of such corners in 9.1 and changed it in 9.2, 11.1 and 11.2.
 *
 * @param points x, y, x, y, …: columns and rows of the corners within ±2^22, which may lie outside the canvas
 * @param value the value of the pixels, an integer that the array of the canvas can hold
 * @throws InverseFormError `invalid-argument`, `size-mismatch`
 */
export function fillPolygon(canvas: Canvas, points: ArrayLike<number>, value: number): void {
  checkCanvas(canvas)
  const { data } = canvas
  checkPoints(points)
  checkInteger('value', value, { min: 0, max: 2 ** (8 * data.BYTES_PER_ELEMENT) - 1 })
  fill(canvas, points, value)
}

/** Largest coordinate. Pillow draws in single precision, which represents integers up to this exactly. */
export const MAX_COORDINATE = 2 ** 22

function checkCanvas(canvas: Canvas): void {
  checkArgument(
    'canvas',
    canvas,
    typeof canvas === 'object' && canvas !== null,
    'an object { width, height, data }',
  )
  const { width, height, data } = canvas
  checkInteger('canvas.width', width, { min: 1 })
  checkInteger('canvas.height', height, { min: 1 })
  const isArray = ['Uint8Array', 'Uint16Array', 'Uint32Array'].includes(typeName(data))
  checkArgument('canvas.data', data, isArray, 'a Uint8Array, Uint16Array or Uint32Array')
  checkLength('canvas.data', data.length, width * height, `one for each of ${width}x${height} pixels`)
}

function checkPoints(points: ArrayLike<number>): void {
  const isList = Array.isArray(points) || (ArrayBuffer.isView(points) && !(points instanceof DataView))
  checkArgument('points', points, isList && points.length % 2 === 0, 'an array x, y, x, y, …')
  for (let i = 0; i < points.length; i++) {
    const isNear = typeof points[i] === 'number' && Math.abs(points[i]) <= MAX_COORDINATE
    if (!isNear) checkArgument(`points[${i}]`, points[i], false, `a number within ±${MAX_COORDINATE}`)
  }
}

/** Does the work of {@link fillPolygon} for checked arguments. */
export function fill({ width, height, data }: Canvas, points: ArrayLike<number>, value: number): void {
  const drawRow = (y: number, a: number, b: number) => {
    const from = Math.max(Math.min(a, b), 0)
    const to = Math.min(Math.max(a, b), width - 1)
    // fill() counts negative positions from the end.
    if (y >= 0 && y < height && from <= to) data.fill(value, y * width + from, y * width + to + 1)
  }

  const edges: Edge[] = []
  let last = 0
  const count = points.length / 2
  const x = (i: number) => Math.trunc(points[2 * (i % count)])
  const y = (i: number) => Math.trunc(points[2 * (i % count) + 1])
  for (let i = 0; i < count; i++) {
    const [x0, y0, x1, y1] = [x(i), y(i), x(i + 1), y(i + 1)]
    if (i === count - 1 && x0 === x1 && y0 === y1) break
    const [top, bottom] = y0 < y1 ? [y0, y1] : [y1, y0]
    last = Math.max(last, bottom)
    if (top === bottom) drawRow(y0, x0, x1)
    else edges.push({ index: edges.length, x0, y0, top, bottom, slope: Math.fround((x1 - x0) / (y1 - y0)) })
  }

  const waiting = edges.toSorted((a, b) => b.top - a.top)
  const crossings = new Float32Array(2 * edges.length)
  let active: Edge[] = []
  for (let row = Math.max(waiting.at(-1)?.top ?? height, 0); row <= Math.min(last, height - 1); row++) {
    active = active.filter(({ bottom }) => bottom >= row)
    const before = active.length
    for (; waiting.length > 0 && waiting.at(-1)!.top <= row; waiting.pop()) {
      if (waiting.at(-1)!.bottom >= row) active.push(waiting.at(-1)!)
    }
    if (active.length > before) active.sort((a, b) => a.index - b.index)
    const found = findCrossings(active, row, last, crossings)
    sortFirst(crossings, found)
    for (let i = 1; i < found; i += 2) drawRow(row, roundUp(crossings[i - 1]), roundDown(crossings[i]))
  }
}

const crossing = ({ x0, y0, slope }: Edge, row: number): number =>
  Math.fround(Math.fround((row - y0) * slope) + x0)

/** Writes the columns where edges cross a row to `crossings`, in the order of the polygon; returns their number. */
function findCrossings(active: readonly Edge[], row: number, last: number, crossings: Float32Array): number {
  let found = 0
  for (const [i, edge] of active.entries()) {
    const column = crossing(edge, row)
    crossings[found++] = column
    // An edge that ends above the last row counts twice there, so that the next edge continues it.
    if (row === edge.bottom && row < last) crossings[found++] = column
    else if (row === edge.top || row === edge.bottom) joinCorner(active, i, row, last, crossings)
  }
  return found
}

/**
 * Extends the corner of two edges with slopes of the same sign that start or end together in a row, up to their pixels
 * in the adjacent row. As in Pillow, this moves the crossing at the index of the other edge, whichever edge it is from.
 */
function joinCorner(
  active: readonly Edge[],
  current: number,
  row: number,
  last: number,
  crossings: Float32Array,
): void {
  const edge = active[current]
  const { slope } = edge
  const column = crossing(edge, row)
  if (slope === 0 || !Number.isInteger(column)) return
  for (let k = 0; k < current; k++) {
    const other = active[k]
    if (slope > 0 ? other.slope <= 0 : other.slope >= 0) continue
    const together = (row === edge.top && row === other.top) || (row === edge.bottom && row === other.bottom)
    if (!together || crossing(other, row) !== column) continue
    const adjacent = row === last ? row - 1 : row + 1
    const [a, b] = [crossing(edge, adjacent), crossing(other, adjacent)]
    if (row === edge.bottom) crossings[other.index] = slope > 0 ? Math.max(a, b) + 1 : Math.min(a, b) - 1
    else crossings[other.index] = slope > 0 ? Math.min(a, b) : Math.max(a, b) + 1
    return
  }
}

/** Sorts the first `count` numbers. */
function sortFirst(numbers: Float32Array, count: number): void {
  // Most rows have few crossings; creating a view for each row would cost more than sorting.
  if (count > 32) {
    numbers.subarray(0, count).sort()
    return
  }
  for (let i = 1; i < count; i++) {
    const number = numbers[i]
    let j = i
    for (; j > 0 && numbers[j - 1] > number; j--) numbers[j] = numbers[j - 1]
    numbers[j] = number
  }
}

// Halves round away from zero at the start of a span and toward zero at its end. For negative numbers, Pillow's fabs()
// computes in double precision.
const roundUp = (x: number): number =>
  x >= 0 ? Math.floor(Math.fround(x + 0.5)) : -Math.floor(Math.abs(x) + 0.5)
const roundDown = (x: number): number =>
  x >= 0 ? Math.ceil(Math.fround(x - 0.5)) : -Math.ceil(Math.abs(x) - 0.5)
