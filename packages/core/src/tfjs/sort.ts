import * as tf from '@tensorflow/tfjs-core'
import type { SortOps } from '../sort-ops.js'
import { withoutGradient } from './without-gradient.js'

/**
 * Sums in sorted order, without gradient. The order is that of tf.topk with as many places as a row has elements; a second
 * one finds where each element went, because tf.scatterND's WebGL program goes through all indices for every element.
 * Row by row, for tf.gather with several batches is wrong on the `wasm` backend (4.22).
 *
 * Two sorts a row: of half a million elements they take 0.15 s on `wasm` and 1.8 s on `cpu`. Exact for rows of up to 2^24
 * elements, the whole numbers that float32 holds. It has not been run on `webgl`, whose 16-bit textures, where it has no others,
 * would hold whole numbers up to 2048 only.
 */
export const sorting: SortOps<tf.Tensor> = {
  descendingSums(keys, values) {
    for (const { shape } of values) tf.util.assertShapesMatch(shape, keys.shape, 'descendingSums: ')
    const rows = (x: tf.Tensor) => tf.unstack(tf.reshape(x, [-1, keys.shape.at(-1)!]))
    const sums = () => {
      const orders = rows(keys).map(descending)
      const places = orders.map((order) => descending(tf.neg(tf.cast(order, 'float32'))))
      const sumRow = (row: tf.Tensor, i: number) =>
        tf.gather(tf.cumsum(tf.gather(row, orders[i]!)), places[i]!)
      return tf.stack(values.map((x) => tf.reshape(tf.stack(rows(x).map(sumRow)), keys.shape)))
    }
    const all = withoutGradient(sums, keys, ...values)
    // tf.unstack has no gradient where there is one to unstack.
    return values.map((_, i) => tf.reshape(tf.slice(all, i, 1), keys.shape))
  },
}

/** The indices that sort a row from large to small. */
function descending(row: tf.Tensor): tf.Tensor {
  return tf.topk(row, row.size).indices
}
