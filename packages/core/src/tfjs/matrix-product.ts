import * as tf from '@tensorflow/tfjs-core'

/**
 * Multiplies two matrices, with optional transposes. Neither the product nor its gradients use a transposing
 * multiplication: the `wasm` backend has a fast kernel (XNNPACK) only for plain ones and takes up to ten times as long for
 * others. The smaller operand is transposed first, so InverseNet's 100 million weights are never transposed.
 *
 * The result is the sum of two terms with one gradient each. TensorFlow.js computes a custom gradient for every operand, needed
 * or not, and a gradient with respect to frozen weights costs as much as the product.
 */
export function matrixProduct(
  a: tf.Tensor,
  b: tf.Tensor,
  transposeA: boolean,
  transposeB: boolean,
): tf.Tensor {
  const ofA = tf.customGrad((x, save) => {
    const value = product(x as tf.Tensor, b, transposeA, transposeB)
    ;(save as tf.GradSaveFunc)([b])
    const gradFunc = (dy: tf.Tensor, [b]: tf.Tensor[]) =>
      transposeA ? product(b, dy, transposeB, true) : product(dy, b, false, !transposeB)
    return { value, gradFunc }
  })
  const ofB = tf.customGrad((_, save) => {
    const shape = [a.shape[transposeA ? 1 : 0], b.shape[transposeB ? 0 : 1]] as [number, number]
    ;(save as tf.GradSaveFunc)([a])
    const gradFunc = (dy: tf.Tensor, [a]: tf.Tensor[]) =>
      transposeB ? product(dy, a, true, transposeA) : product(a, dy, !transposeA, false)
    return { value: tf.zeros(shape), gradFunc }
  })
  return tf.add(ofA(a), ofB(b))
}

/** Computes a·b, or the transpose of bᵀ·aᵀ if that transposes fewer elements. */
function product(a: tf.Tensor, b: tf.Tensor, transposeA: boolean, transposeB: boolean): tf.Tensor {
  const transposed = (x: tf.Tensor, transpose: boolean) => (transpose ? tf.transpose(x) : x)
  const elements = (ofA: boolean, ofB: boolean) => (ofA ? a.size : 0) + (ofB ? b.size : 0)
  return elements(transposeA, transposeB) <= elements(!transposeA, !transposeB)
    ? tf.matMul(transposed(a, transposeA), transposed(b, transposeB))
    : tf.transpose(tf.matMul(transposed(b, !transposeB), transposed(a, !transposeA)))
}
