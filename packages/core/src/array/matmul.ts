import { product } from '@inverseform/shared'
import type { Shape, TensorOps } from '../ops.js'
import { shapeText, sizeMismatch } from '../shape.js'
import { type Matrix, multiplyWithKernels } from './kernels/matmul.js'
import { sumTo } from './reduce.js'
import { broadcastShape, broadcastStrides, forEachRun, stridesOf } from './strides.js'
import { type Allocate, type ArrayData, type ArrayTensor, record } from './tensor.js'

type Operand = Pick<ArrayTensor, 'data' | 'shape'> & { readonly transposed: boolean }

export function products(allocate: Allocate): Pick<TensorOps<ArrayTensor>, 'matmul'> {
  function multiply(a: Operand, b: Operand): { data: ArrayData; shape: Shape } {
    const [m, k] = matrixSize(a)
    const [rows, n] = matrixSize(b)
    if (k !== rows) {
      throw sizeMismatch(
        `A ${m}x${k} matrix cannot be multiplied by a ${rows}x${n} matrix.`,
        'The first must have as many columns as the second has rows.',
        { a: a.shape, b: b.shape },
      )
    }
    const batchA = a.shape.slice(0, -2)
    const batchB = b.shape.slice(0, -2)
    const batch = broadcastShape(batchA, batchB)
    const shape = [...batch, m, n]
    const data = allocate(product(shape))
    const strides = [stridesOf(batch), broadcastStrides(batchA, batch), broadcastStrides(batchB, batch)]
    const inTypeScript = b.transposed ? addDots : addRows
    forEachRun(batch, strides, (count, [o, i, j], [, di, dj]) => {
      for (let c = 0; c < count; c++) {
        const operands = [
          data,
          (o + c) * m * n,
          matrix(a, i + c * di),
          matrix(b, j + c * dj),
          m,
          k,
          n,
        ] as const
        if (!multiplyWithKernels(...operands)) inTypeScript(...operands)
      }
    })
    return { data, shape }
  }

  return {
    matmul(first, second, { transposeA = false, transposeB = false } = {}) {
      const a = { data: first.data, shape: first.shape, transposed: transposeA }
      const b = { data: second.data, shape: second.shape, transposed: transposeB }
      for (const { shape } of [a, b]) {
        if (shape.length < 2) {
          throw sizeMismatch(
            `A tensor of ${shapeText(a.shape)} cannot be matrix-multiplied by one of ${shapeText(b.shape)}.`,
            'Give both operands at least two axes.',
            { a: a.shape, b: b.shape },
          )
        }
      }
      const { data, shape } = multiply(a, b)
      const flip = (x: Operand): Operand => ({ ...x, transposed: !x.transposed })
      // With C = A B: dA = dC Bᵀ and dB = Aᵀ dC, transposed for a transposed operand.
      const backward =
        (target: Shape, transposed: boolean, left: (g: Operand) => Operand, right: (g: Operand) => Operand) =>
        (gradient: ArrayData) => {
          const g = { data: gradient, shape, transposed: false }
          const result = transposed ? multiply(flip(right(g)), flip(left(g))) : multiply(left(g), right(g))
          return sumTo(allocate, result.data, result.shape, target)
        }
      return record(
        data,
        shape,
        [
          first,
          backward(
            a.shape,
            transposeA,
            (g) => g,
            () => flip(b),
          ),
        ],
        [
          second,
          backward(
            b.shape,
            transposeB,
            () => flip(a),
            (g) => g,
          ),
        ],
      )
    },
  }
}

function matrixSize({ shape, transposed }: Operand): readonly [rows: number, columns: number] {
  const [rows, columns] = shape.slice(-2) as [number, number]
  return transposed ? [columns, rows] : [rows, columns]
}

function matrix({ data, shape, transposed }: Operand, index: number): Matrix {
  const [rows, columns] = shape.slice(-2) as [number, number]
  const offset = index * rows * columns
  return transposed
    ? { data, offset, rowStep: 1, columnStep: columns }
    : { data, offset, rowStep: columns, columnStep: 1 }
}

// The block of B that stays in the cache while every row of A uses it: depth x width, 256 KiB in float32.
const depth = 128
const width = 512

/**
 * Computes C += A B with contiguous rows of B. It adds four rows of B at a time, scaled by A's elements, to two rows of C.
 * Factors that are all 0 are skipped, so a product with an interpolation matrix (two nonzeros per row) on the left is nearly
 * free.
 */
function addRows(c: ArrayData, start: number, a: Matrix, b: Matrix, m: number, k: number, n: number): void {
  for (let j0 = 0; j0 < n; j0 += width) {
    const columns = Math.min(width, n - j0)
    for (let k0 = 0; k0 < k; k0 += depth) {
      const end = Math.min(k0 + depth, k)
      for (let i = 0; i < m; i += 2) {
        const to = start + i * n + j0
        let p = k0
        if (i + 1 < m) for (; p + 3 < end; p += 4) addFourRows(c, to, n, a, i, b, p, j0, columns)
        for (; p < end; p++) {
          addRow(c, to, a, i, b, p, j0, columns)
          if (i + 1 < m) addRow(c, to + n, a, i + 1, b, p, j0, columns)
        }
      }
    }
  }
}

/** Adds part of rows p..p+3 of B, scaled by A's elements in rows i and i+1, to `c` at `to` and `to + n`. */
function addFourRows(
  c: ArrayData,
  to: number,
  n: number,
  { data: x, offset, rowStep, columnStep }: Matrix,
  i: number,
  { data: y, offset: first }: Matrix,
  p: number,
  j0: number,
  columns: number,
): void {
  const q = offset + i * rowStep + p * columnStep
  const x00 = x[q]
  const x01 = x[q + columnStep]
  const x02 = x[q + 2 * columnStep]
  const x03 = x[q + 3 * columnStep]
  const r = q + rowStep
  const x10 = x[r]
  const x11 = x[r + columnStep]
  const x12 = x[r + 2 * columnStep]
  const x13 = x[r + 3 * columnStep]
  const none = x00 === 0 && x01 === 0 && x02 === 0 && x03 === 0
  if (none && x10 === 0 && x11 === 0 && x12 === 0 && x13 === 0) return
  const next = to + n
  const r0 = first + p * n + j0
  const r1 = r0 + n
  const r2 = r1 + n
  const r3 = r2 + n
  for (let j = 0; j < columns; j++) {
    const y0 = y[r0 + j]
    const y1 = y[r1 + j]
    const y2 = y[r2 + j]
    const y3 = y[r3 + j]
    c[to + j] += x00 * y0 + x01 * y1 + x02 * y2 + x03 * y3
    c[next + j] += x10 * y0 + x11 * y1 + x12 * y2 + x13 * y3
  }
}

/** Adds part of row p of B, scaled by A's element (i, p), to `c` at `to`. */
function addRow(
  c: ArrayData,
  to: number,
  { data: x, offset, rowStep, columnStep }: Matrix,
  i: number,
  { data: y, offset: first, rowStep: n }: Matrix,
  p: number,
  j0: number,
  columns: number,
): void {
  const factor = x[offset + i * rowStep + p * columnStep]
  const row = first + p * n + j0
  if (factor !== 0) for (let j = 0; j < columns; j++) c[to + j] += factor * y[row + j]
}

// The part of a row that stays in the cache while every row of the other operand uses it.
const piece = 2048

/** Computes C += A B with contiguous columns of B, four rows of A by two columns of B at a time. */
function addDots(c: ArrayData, start: number, a: Matrix, b: Matrix, m: number, k: number, n: number): void {
  const { data: x, columnStep: step } = a
  const { data: y } = b
  const put = (row: number, column: number, sum: number) => {
    if (row < m && column < n) c[start + row * n + column] += sum
  }
  for (let k0 = 0; k0 < k; k0 += piece) {
    const length = Math.min(piece, k - k0)
    for (let j = 0; j < n; j += 2) {
      // Outside the matrix, the first row or column is computed again and not stored.
      const b0 = b.offset + j * b.columnStep + k0
      const b1 = j + 1 < n ? b0 + b.columnStep : b0
      for (let i = 0; i < m; i += 4) {
        const a0 = a.offset + i * a.rowStep + k0 * step
        const a1 = i + 1 < m ? a0 + a.rowStep : a0
        const a2 = i + 2 < m ? a0 + 2 * a.rowStep : a0
        const a3 = i + 3 < m ? a0 + 3 * a.rowStep : a0
        let s00 = 0
        let s10 = 0
        let s20 = 0
        let s30 = 0
        let s01 = 0
        let s11 = 0
        let s21 = 0
        let s31 = 0
        for (let p = 0, q = 0; p < length; p++, q += step) {
          const y0 = y[b0 + p]
          const y1 = y[b1 + p]
          const x0 = x[a0 + q]
          s00 += x0 * y0
          s01 += x0 * y1
          const x1 = x[a1 + q]
          s10 += x1 * y0
          s11 += x1 * y1
          const x2 = x[a2 + q]
          s20 += x2 * y0
          s21 += x2 * y1
          const x3 = x[a3 + q]
          s30 += x3 * y0
          s31 += x3 * y1
        }
        put(i, j, s00)
        put(i, j + 1, s01)
        put(i + 1, j, s10)
        put(i + 1, j + 1, s11)
        put(i + 2, j, s20)
        put(i + 2, j + 1, s21)
        put(i + 3, j, s30)
        put(i + 3, j + 1, s31)
      }
    }
  }
}
