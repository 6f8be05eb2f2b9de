import * as tf from '@tensorflow/tfjs-core'

/**
 * The product of two matrices, transposed first where asked, and its gradients, none of them by a multiplication that
 * transposes: the `wasm` backend has a fast kernel (XNNPACK) for plain ones alone and takes up to ten times as long
 * for others. What is transposed beforehand is the least there can be, so InverseNet's 100 million weights stay as they are.
 *
 * The sum of two terms with one gradient each, for TensorFlow.js asks a custom gradient for that of every operand, wanted
 * or not, and a gradient by frozen weights costs as much as the product.
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
      transposeA ? product(b!, dy, transposeB, true) : product(dy, b!, false, !transposeB)
    return { value, gradFunc }
  })
  const ofB = tf.customGrad((_, save) => {
    const shape = [a.shape[transposeA ? 1 : 0]!, b.shape[transposeB ? 0 : 1]!]
    ;(save as tf.GradSaveFunc)([a])
    const gradFunc = (dy: tf.Tensor, [a]: tf.Tensor[]) =>
      transposeB ? product(dy, a!, true, transposeA) : product(a!, dy, !transposeA, false)
    return { value: tf.zeros(shape), gradFunc }
  })
  return tf.add(ofA(a), ofB(b))
}

/** a·b, or the transpose of bᵀ·aᵀ where less is to be transposed for it. */
function product(a: tf.Tensor, b: tf.Tensor, transposeA: boolean, transposeB: boolean): tf.Tensor {
  const turned = (x: tf.Tensor, transpose: boolean) => (transpose ? tf.transpose(x) : x)
  const elements = (ofA: boolean, ofB: boolean) => (ofA ? a.size : 0) + (ofB ? b.size : 0)
  return elements(transposeA, transposeB) <= elements(!transposeA, !transposeB)
    ? tf.matMul(turned(a, transposeA), turned(b, transposeB))
    : tf.transpose(tf.matMul(turned(b, !transposeB), turned(a, !transposeA)))
}
