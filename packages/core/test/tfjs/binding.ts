import * as tf from '@tensorflow/tfjs-core'
// Users who import @tensorflow/tfjs get this automatically.
import '@tensorflow/tfjs-core/dist/register_all_gradients.js'
import type { Binding } from '@inverseform/testing/losses'
import type { PlainTensor } from '../../src/index.js'
import { tfjsOps } from '../../src/tfjs/index.js'

export const put = ({ data, shape }: PlainTensor) => tf.tensor(Float32Array.from(data), [...shape])
const take = (x: tf.Tensor): PlainTensor => {
  const { shape } = x
  const data = x.dataSync()
  x.dispose()
  return { data, shape }
}

/** TensorFlow.js on the current backend. */
export const binding: Binding<tf.Tensor> = {
  ops: tfjsOps(),
  run: (f, inputs) => take(tf.tidy(() => f(...inputs.map(put)))),
  differentiate(f, inputs) {
    const scalar = (...xs: tf.Tensor[]) => tf.reshape<tf.Rank.R0>(f(...xs), [])
    const { value, grads } = tf.tidy(() => tf.valueAndGrads(scalar)(inputs.map(put)))
    return { value: take(value).data[0], gradients: grads.map(take) }
  },
}
