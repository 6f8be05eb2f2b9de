import type { FusedOps } from '../ops.js'
import { exponentialOf } from './exponential.js'
import { indexed } from './indices.js'
import { type Allocate, type ArrayData, type ArrayTensor, record, type TapeNode } from './tensor.js'

/** Number of positions whose elements along the axis stay in the cache from one pass to the next. */
const chunk = 1024

export function softmaxCrossEntropies(allocate: Allocate): FusedOps<ArrayTensor> {
  // Cached during a gradient computation, because the joint loss computes two cross-entropies of the same logits.
  const known = new WeakMap<TapeNode, { readonly axis: number; readonly logSums: Float64Array }>()
  return {
    softmaxCrossEntropy(logits, indices, axis) {
      const { shape, length, inner } = indexed(logits.shape, indices, axis)
      const { data: x, node } = logits
      const exp = exponentialOf(x)
      const before = node && known.get(node)
      const logSums =
        before?.axis === axis ? before.logSums : logSumExp(x, indices.length, inner, length, exp)
      if (node) known.set(node, { axis, logSums })
      const data = allocate(indices.length)
      forEachChunk(indices.length, inner, length, (first, n, start) => {
        for (let i = first, at = start; i < first + n; i++, at++) {
          data[i] = logSums[i] - x[at + indices[i] * inner]
        }
      })
      return record(data, shape, [
        logits,
        (gradient, sum = allocate(x.length)) => {
          const reached = new Int32Array(chunk)
          forEachChunk(indices.length, inner, length, (first, n, start) => {
            let count = 0
            for (let i = 0; i < n; i++) if (gradient[first + i] !== 0) reached[count++] = i
            const positions = reached.subarray(0, count)
            const [g, l] = [gradient.subarray(first, first + n), logSums.subarray(first, first + n)]
            for (let c = 0; c < length; c++) addShares(sum, x, start + c * inner, positions, g, l, exp)
            for (const i of positions) sum[start + indices[first + i] * inner + i] -= g[i]
          })
          return sum
        },
      ])
    },
  }
}

/** Computes log Σ exp x in double precision. The gradient uses exp(x - log Σ exp x), which is inaccurate in single for large x. */
function logSumExp(
  x: ArrayData,
  positions: number,
  inner: number,
  length: number,
  exp: Exponential,
): Float64Array {
  const logSums = new Float64Array(positions)
  const maxima = new Float64Array(chunk)
  const sums = new Float64Array(chunk)
  forEachChunk(positions, inner, length, (first, n, start) => {
    maxima.fill(Number.NEGATIVE_INFINITY, 0, n)
    sums.fill(0, 0, n)
    for (let c = 0; c < length; c++) takeMaxima(maxima, x, start + c * inner, n)
    for (let c = 0; c < length; c++) addPowers(sums, x, start + c * inner, n, maxima, exp)
    for (let i = 0; i < n; i++) logSums[first + i] = maxima[i] + Math.log(sums[i])
  })
  return logSums
}

type Exponential = (x: number) => number

// These loops are separate functions so that the compiler optimizes their array accesses.
function takeMaxima(maxima: Float64Array, x: ArrayData, at: number, n: number): void {
  for (let i = 0; i < n; i++) maxima[i] = Math.max(maxima[i], x[at + i])
}

function addPowers(
  sums: Float64Array,
  x: ArrayData,
  at: number,
  n: number,
  maxima: Float64Array,
  exp: Exponential,
): void {
  for (let i = 0; i < n; i++) sums[i] += exp(x[at + i] - maxima[i])
}

/** Adds one class's softmax times the gradient, at positions where the gradient is not 0. */
function addShares(
  sum: ArrayData,
  x: ArrayData,
  at: number,
  positions: Int32Array,
  gradient: ArrayData,
  logSums: Float64Array,
  exp: Exponential,
): void {
  for (let k = 0; k < positions.length; k++) {
    const i = positions[k]
    sum[at + i] += gradient[i] * exp(x[at + i] - logSums[i])
  }
}

/** Visits positions in chunks: `n` positions starting at `first`, whose elements start at `start`, `inner` apart. */
function forEachChunk(
  positions: number,
  inner: number,
  length: number,
  visit: (first: number, n: number, start: number) => void,
): void {
  for (let block = 0; block < positions; block += inner) {
    for (let i = 0; i < inner; i += chunk) {
      visit(block + i, Math.min(chunk, inner - i), block * length + i)
    }
  }
}
