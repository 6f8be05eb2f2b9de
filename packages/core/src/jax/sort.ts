import { lax, numpy as np } from '@jax-js/jax'
import type { SortOps } from '../ops.js'
import { record } from './consuming.js'

/** Number of elements of a row that one row of a matrix product sums. */
const block = 64

/**
 * Cumulative sums in sorted order, without gradient. The WebAssembly backend of jax-js sorts on one core with a comparison
 * function: the two sorts and the sums of a row of half a million elements take about 0.6 s.
 */
export const sorting: SortOps<np.Array> = {
  descendingSums(keys, values) {
    const order = np.argsort(lax.stopGradient(keys.ref).neg())
    const places = np.argsort(order.ref)
    const sums = values.map((x) => {
      const sorted = np.takeAlongAxis(lax.stopGradient(x.ref), order.ref)
      return record(np.takeAlongAxis(cumulativeSum(sorted), places.ref))
    })
    order.dispose()
    places.dispose()
    return sums
  },
}

/**
 * Computes the cumulative sum of each row. np.cumsum adds up to 256 numbers for each element, without vector instructions.
 * Here a product with a triangle of ones sums short blocks, and np.cumsum sums the blocks.
 */
function cumulativeSum(x: np.Array): np.Array {
  const shape = x.shape
  const length = shape.at(-1) ?? 1
  const blocks = Math.ceil(length / block)
  const padded = np.pad(x.reshape([-1, length]), [
    [0, 0],
    [0, blocks * block - length],
  ])
  const triangle = np.triu(np.ones([block, block]))
  const within = np.matmul(padded.reshape([-1, block]), triangle).reshape([-1, blocks, block])
  const totals = within.ref.slice([], [], [block - 1, block])
  const before = np.cumsum(totals.ref, 1).sub(totals)
  return within
    .add(before)
    .reshape([-1, blocks * block])
    .slice([], [0, length])
    .reshape(shape)
}
