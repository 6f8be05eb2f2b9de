import { lax, numpy as np } from '@jax-js/jax'
import type { SortOps } from '../sort-ops.js'
import { record } from './consuming.js'

/** How many elements of a row are added up by one row of a matrix product. */
const block = 64

/**
 * Sums in sorted order, without gradient. jax-js' WebAssembly backend sorts on one core by a comparison function: a row of half
 * a million elements, two sorts and the sums, takes about 0.6 s.
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
 * The sums of each row up to each of its elements. np.cumsum adds up to 256 numbers for each element, without vector
 * instructions; a product with a triangle of ones does that for short blocks, and np.cumsum for the blocks' sums.
 */
function cumulativeSum(x: np.Array): np.Array {
  const shape = x.shape
  const length = shape.at(-1)!
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
