import type { ArrayData } from '../tensor.js'
import { kernelsFor, strideOf } from './kernels.js'

/** One matrix in an array. Element (row, column) is at offset + row · rowStep + column · columnStep. */
export interface Matrix {
  readonly data: ArrayData
  readonly offset: number
  readonly rowStep: number
  readonly columnStep: number
}

/** Multiplications from which a product is worth the copies. */
const LEAST_WORK = 2 ** 18
/** The blocks of B stay in the second-level cache while all rows of A use them: half a MiB. */
const DEPTH = 128
const WIDTH = 1024
/** Rows of A at a time, a multiple of the kernels' 3. */
const ROWS = 192

/**
 * Computes C += A B in float32 with kernels, m x k times k x n. A block of B is copied once for up to 192 rows of A.
 *
 * @param b with contiguous rows, or contiguous columns
 * @returns false if kernels cannot run or would not save time; nothing is changed then
 */
export function multiplyWithKernels(
  c: ArrayData,
  start: number,
  a: Matrix,
  b: Matrix,
  m: number,
  k: number,
  n: number,
): boolean {
  // A tensor library has one type of arrays.
  if (!(c instanceof Float32Array) || m < 3 || n < 4 || k < 4 || m * k * n < LEAST_WORK) return false
  if (b.rowStep === 1) return addDots(c, start, a, b, m, k, n)
  return n >= 16 && !isSparse(a, m, k) && addRows(c, start, a, b, m, k, n)
}

/** Returns whether most elements are 0, as in interpolation matrices: the form in TypeScript skips them. */
function isSparse({ data, offset, rowStep, columnStep }: Matrix, m: number, k: number): boolean {
  let zeros = 0
  for (let i = 0; i < m; i++) {
    const row = offset + i * rowStep
    for (let p = 0; p < k; p++) if (data[row + p * columnStep] === 0) zeros++
  }
  return zeros > (3 / 4) * m * k
}

function addRows(
  c: ArrayData,
  start: number,
  a: Matrix,
  b: Matrix,
  m: number,
  k: number,
  n: number,
): boolean {
  const rows = wholeTiles(Math.min(m, ROWS), 3)
  const [depth, width] = [Math.min(k, DEPTH), Math.min(n, WIDTH)]
  const [aStride, stride] = [strideOf(depth), strideOf(width)]
  const kernels = kernelsFor(rows * aStride, depth * stride, rows * stride)
  if (!kernels) return false
  const { run, floats, at } = kernels
  const [aAt, bAt, cAt] = at
  for (let i0 = 0; i0 < m; i0 += ROWS) {
    const count = Math.min(ROWS, m - i0)
    for (let j0 = 0; j0 < n; j0 += WIDTH) {
      const columns = Math.min(WIDTH, n - j0)
      floats.fill(0, cAt / 4, (cAt + rows * stride) / 4)
      for (let k0 = 0; k0 < k; k0 += DEPTH) {
        const deep = Math.min(DEPTH, k - k0)
        copyBlock(floats, aAt / 4, aStride / 4, a, i0, k0, count, deep)
        copyBlock(floats, bAt / 4, stride / 4, b, k0, j0, deep, columns)
        run.addRows(aAt, aStride, bAt, cAt, stride, count, deep, 4 * columns)
      }
      for (let i = 0; i < count; i++) {
        const [from, to] = [(cAt + i * stride) / 4, start + (i0 + i) * n + j0]
        for (let j = 0; j < columns; j++) c[to + j] += floats[from + j]
      }
    }
  }
  return true
}

function addDots(
  c: ArrayData,
  start: number,
  a: Matrix,
  b: Matrix,
  m: number,
  k: number,
  n: number,
): boolean {
  const rows = wholeTiles(Math.min(m, ROWS), 3)
  const [depth, width] = [Math.min(k, WIDTH), wholeTiles(Math.min(n, DEPTH), 4)]
  const [stride, cStride] = [strideOf(depth), strideOf(width)]
  const kernels = kernelsFor(rows * stride, width * stride, rows * cStride)
  if (!kernels) return false
  const { run, floats, at } = kernels
  const [aAt, bAt, cAt] = at
  const columnsOfB = { ...b, rowStep: b.columnStep, columnStep: 1 }
  const sums = new Float64Array(rows * width)
  for (let i0 = 0; i0 < m; i0 += ROWS) {
    const count = Math.min(ROWS, m - i0)
    for (let j0 = 0; j0 < n; j0 += DEPTH) {
      const columns = Math.min(DEPTH, n - j0)
      // Short sums in single precision, and their sum in double.
      sums.fill(0)
      for (let k0 = 0; k0 < k; k0 += WIDTH) {
        const deep = Math.min(WIDTH, k - k0)
        copyBlock(floats, aAt / 4, stride / 4, a, i0, k0, count, deep)
        copyBlock(floats, bAt / 4, stride / 4, columnsOfB, j0, k0, columns, deep)
        run.dots(aAt, bAt, stride, cAt, cStride, count, columns, 16 * Math.ceil(deep / 4))
        for (let i = 0; i < count; i++) {
          const [from, to] = [(cAt + i * cStride) / 4, i * width]
          for (let j = 0; j < columns; j++) sums[to + j] += floats[from + j]
        }
      }
      for (let i = 0; i < count; i++) {
        const to = start + (i0 + i) * n + j0
        for (let j = 0; j < columns; j++) c[to + j] += sums[i * width + j]
      }
    }
  }
  return true
}

const wholeTiles = (length: number, tile: number): number => tile * Math.ceil(length / tile)

/** Copies a block of a matrix to rows `step` apart, each followed by zeros up to a whole vector of four. */
function copyBlock(
  to: Float32Array,
  at: number,
  step: number,
  { data, offset, rowStep, columnStep }: Matrix,
  row: number,
  column: number,
  rows: number,
  columns: number,
): void {
  for (let i = 0; i < rows; i++) {
    const from = offset + (row + i) * rowStep + column * columnStep
    const line = at + i * step
    if (columnStep === 1) to.set(data.subarray(from, from + columns), line)
    else for (let j = 0; j < columns; j++) to[line + j] = data[from + j * columnStep]
    for (let j = columns; j % 4 > 0; j++) to[line + j] = 0
  }
}
