import * as tf from '@tensorflow/tfjs-core'

/**
 * The result of `f`, which is made of `xs`, with a gradient of 0: tf.grad refuses a result that is not connected to what it is
 * differentiated by.
 */
export function withoutGradient(f: () => tf.Tensor, ...xs: readonly tf.Tensor[]): tf.Tensor {
  const gradFunc = () => xs.map(({ shape }) => tf.zeros(shape))
  return tf.customGrad(() => ({ value: f(), gradFunc }))(...xs)
}
