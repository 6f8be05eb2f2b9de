import * as tf from '@tensorflow/tfjs-core'

/**
 * Returns the result of `f`, which is computed from `xs`, with gradient 0. tf.grad rejects a result that is not connected to the
 * variables.
 */
export function withoutGradient(f: () => tf.Tensor, ...xs: readonly tf.Tensor[]): tf.Tensor {
  const gradFunc = () => xs.map(({ shape }) => tf.zeros(shape))
  return tf.customGrad(() => ({ value: f(), gradFunc }))(...xs)
}
