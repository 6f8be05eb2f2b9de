import type { FusedOps } from '../ops.js'
import { exponentialOf } from './exponential.js'
import { type Indexed, indexed } from './indices.js'
import { kernelsFor, strideOf } from './kernels/kernels.js'
import { type Allocate, type ArrayData, type ArrayTensor, record, type TapeNode } from './tensor.js'

/** Number of positions whose elements along the axis stay in the cache from one pass to the next. */
const chunk = 1024
/** Positions in a row from which kernels save time. */
const leastRow = 64

/** What a softmax needs for each position: the maximum, and Σ exp(x - maximum), from which follows log Σ exp x. */
interface Sums {
  readonly maxima: ArrayData
  readonly sums: ArrayData
}

export function softmaxCrossEntropies(
  allocate: Allocate,
): Pick<FusedOps<ArrayTensor>, 'softmaxCrossEntropy'> {
  // The last one of each node: the joint loss computes two cross-entropies of the same logits and indices.
  const known = new WeakMap<
    TapeNode,
    { axis: number; indices: Int32Array; sums: Sums; result: ArrayTensor }
  >()
  return {
    softmaxCrossEntropy(logits, indices, axis) {
      const rows = indexed(logits.shape, indices, axis)
      const { data: x, node } = logits
      const before = node && known.get(node)
      const sameAxis = before?.axis === axis
      if (sameAxis && sameIndices(before.indices, indices)) return before.result
      const sums = sameAxis ? before.sums : sumsOf(x, indices.length, rows)
      const data = allocate(indices.length)
      forEachChunk(indices.length, rows, (first, n, start) => {
        crossEntropies(data.subarray(first, first + n), x, indices, sums, first, start, rows.inner)
      })
      const result = record(data, rows.shape, [
        logits,
        (gradient, before) => {
          const sum = before ?? allocate(x.length)
          addGradient(sum, before === undefined, x, indices, gradient, sums, rows)
          return sum
        },
      ])
      if (node) known.set(node, { axis, indices, sums, result })
      return result
    },
  }
}

// These loops are separate functions so that the compiler optimizes their array accesses.
function crossEntropies(
  out: ArrayData,
  x: ArrayData,
  indices: Int32Array,
  { maxima, sums }: Sums,
  first: number,
  start: number,
  inner: number,
): void {
  for (let k = 0, i = first; k < out.length; k++, i++) {
    out[k] = maxima[i] - x[start + k + indices[i] * inner] + Math.log(sums[i])
  }
}

function sameIndices(a: Int32Array, b: Int32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function sumsOf(x: ArrayData, positions: number, rows: Indexed): Sums {
  const { length, inner } = rows
  const stride = strideOf(chunk)
  const kernels =
    x instanceof Float32Array && inner >= leastRow
      ? kernelsFor(stride * length, 4 * chunk, 4 * chunk)
      : undefined
  if (!kernels) return sumsInTypeScript(x, positions, rows)
  const { run, floats, at } = kernels
  const [from, maximaAt, sumsAt] = at
  const [maxima, sums] = [new Float32Array(positions), new Float32Array(positions)]
  forEachChunk(positions, rows, (first, n, start) => {
    copyRows(floats, from / 4, stride / 4, x, start, inner, length, n)
    run.softmaxSums(from, stride, length, wholeVectors(n), maximaAt, sumsAt)
    maxima.set(floats.subarray(maximaAt / 4, maximaAt / 4 + n), first)
    sums.set(floats.subarray(sumsAt / 4, sumsAt / 4 + n), first)
  })
  return { maxima, sums }
}

/** Adds the gradient of cross-entropies to that of the logits, which is not read if it is known to be 0. */
function addGradient(
  sum: ArrayData,
  isZero: boolean,
  x: ArrayData,
  indices: Int32Array,
  gradient: ArrayData,
  softmax: Sums,
  rows: Indexed,
): void {
  const { length, inner } = rows
  const { maxima, sums } = softmax
  const stride = strideOf(chunk)
  const kernels =
    maxima instanceof Float32Array
      ? kernelsFor(stride * length, stride * length, ...new Array<number>(4).fill(4 * chunk))
      : undefined
  if (!kernels) {
    addGradientInTypeScript(sum, x, indices, gradient, softmax, rows)
    return
  }
  const { run, floats, integers, at } = kernels
  const [from, to, maximaAt, sumsAt, gradientsAt, indicesAt] = at
  forEachChunk(indices.length, rows, (first, n, start) => {
    const end = first + n
    copyRows(floats, from / 4, stride / 4, x, start, inner, length, n)
    if (isZero) floats.fill(0, to / 4, (to + length * stride) / 4)
    else copyRows(floats, to / 4, stride / 4, sum, start, inner, length, n)
    floats.set(maxima.subarray(first, end), maximaAt / 4)
    floats.set(sums.subarray(first, end), sumsAt / 4)
    floats.set(gradient.subarray(first, end), gradientsAt / 4)
    integers.set(indices.subarray(first, end), indicesAt / 4)
    const bytes = wholeVectors(n)
    run.softmaxGradient(from, stride, length, bytes, maximaAt, sumsAt, gradientsAt, indicesAt, to)
    copyRows(sum, start, inner, floats, to / 4, stride / 4, length, n)
  })
}

/** Bytes of n values, and those up to a whole vector of four. */
const wholeVectors = (n: number): number => 16 * Math.ceil(n / 4)

/** Copies `n` elements of each row. */
function copyRows(
  to: ArrayData,
  toStart: number,
  toStep: number,
  from: ArrayData,
  fromStart: number,
  fromStep: number,
  rows: number,
  n: number,
): void {
  for (let c = 0; c < rows; c++) {
    const start = fromStart + c * fromStep
    to.set(from.subarray(start, start + n), toStart + c * toStep)
  }
}

function sumsInTypeScript(x: ArrayData, positions: number, rows: Indexed): Sums {
  const { length, inner } = rows
  const exp = exponentialOf(x)
  // In double precision, for the digits of small cross-entropies.
  const maxima = new Float64Array(positions).fill(Number.NEGATIVE_INFINITY)
  const sums = new Float64Array(positions)
  forEachChunk(positions, rows, (first, n, start) => {
    const [largest, sum] = [maxima.subarray(first, first + n), sums.subarray(first, first + n)]
    for (let c = 0; c < length; c++) takeMaxima(largest, x, start + c * inner)
    for (let c = 0; c < length; c++) addPowers(sum, x, start + c * inner, largest, exp)
  })
  return { maxima, sums }
}

type Exponential = (x: number) => number

function takeMaxima(maxima: Float64Array, x: ArrayData, at: number): void {
  for (let i = 0; i < maxima.length; i++) maxima[i] = Math.max(maxima[i], x[at + i])
}

function addPowers(
  sums: Float64Array,
  x: ArrayData,
  at: number,
  maxima: Float64Array,
  exp: Exponential,
): void {
  for (let i = 0; i < sums.length; i++) sums[i] += exp(x[at + i] - maxima[i])
}

function addGradientInTypeScript(
  sum: ArrayData,
  x: ArrayData,
  indices: Int32Array,
  gradient: ArrayData,
  { maxima, sums }: Sums,
  rows: Indexed,
): void {
  const { length, inner } = rows
  const exp = exponentialOf(x)
  const reached = new Int32Array(chunk)
  const factors = new Float64Array(chunk)
  forEachChunk(indices.length, rows, (first, n, start) => {
    let count = 0
    for (let i = 0; i < n; i++) if (gradient[first + i] !== 0) reached[count++] = i
    const positions = reached.subarray(0, count)
    for (const i of positions) factors[i] = gradient[first + i] / sums[first + i]
    const largest = maxima.subarray(first, first + n)
    for (let c = 0; c < length; c++) addShares(sum, x, start + c * inner, positions, factors, largest, exp)
    for (const i of positions) sum[start + indices[first + i] * inner + i] -= gradient[first + i]
  })
}

/** Adds one class's softmax times the gradient, at positions where the gradient is not 0. */
function addShares(
  sum: ArrayData,
  x: ArrayData,
  at: number,
  positions: Int32Array,
  factors: Float64Array,
  maxima: ArrayData,
  exp: Exponential,
): void {
  for (let k = 0; k < positions.length; k++) {
    const i = positions[k]
    sum[at + i] += factors[i] * exp(x[at + i] - maxima[i])
  }
}

/** Visits positions in chunks: `n` positions starting at `first`, whose elements start at `start`, `inner` apart. */
function forEachChunk(
  positions: number,
  { length, inner }: Indexed,
  visit: (first: number, n: number, start: number) => void,
): void {
  for (let block = 0; block < positions; block += inner) {
    for (let i = 0; i < inner; i += chunk) {
      visit(block + i, Math.min(chunk, inner - i), block * length + i)
    }
  }
}
