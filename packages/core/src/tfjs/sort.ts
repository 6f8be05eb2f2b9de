import * as tf from '@tensorflow/tfjs-core'
import type { SortOps } from '../ops.js'
import { withoutGradient } from './without-gradient.js'

/**
 * Cumulative sums in sorted order, without gradient. tf.topk over the whole row sorts it, and a second tf.topk inverts the
 * permutation, because the WebGL program of tf.scatterND visits all indices for every element. Rows are handled one by one,
 * because tf.gather with several batches is wrong on the `wasm` backend (4.22).
 *
 * The two sorts of a row of half a million elements take 0.15 s on `wasm` and 1.8 s on `cpu`. The result is exact for rows of up
 * to 2^24 elements, the integer range of float32. It is untested on `webgl`, where devices with only 16-bit textures would
 * hold integers up to 2048.
 */
export const sorting: SortOps<tf.Tensor> = {
  descendingSums(keys, values) {
    for (const { shape } of values) tf.util.assertShapesMatch(shape, keys.shape, 'descendingSums: ')
    const rows = (x: tf.Tensor) => tf.unstack(tf.reshape(x, [-1, keys.shape.at(-1) ?? 1]))
    const sums = () => {
      const orders = rows(keys).map(descending)
      const places = orders.map((order) => descending(tf.neg(tf.cast(order, 'float32'))))
      const sumRow = (row: tf.Tensor, i: number) => tf.gather(tf.cumsum(tf.gather(row, orders[i])), places[i])
      return tf.stack(values.map((x) => tf.reshape(tf.stack(rows(x).map(sumRow)), keys.shape)))
    }
    const all = withoutGradient(sums, keys, ...values)
    // Uses slices, because tf.unstack has no gradient for a single tensor.
    return values.map((_, i) => tf.reshape(tf.slice(all, i, 1), keys.shape))
  },
}

/** Returns the indices that sort a row from large to small. */
function descending(row: tf.Tensor): tf.Tensor {
  return tf.topk(row, row.size).indices
}
