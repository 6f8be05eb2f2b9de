import * as tf from '@tensorflow/tfjs-core'
import { broadcastShape, sameShape } from '../array/strides.js'
import type { Shape, SortOps, TensorOps } from '../ops.js'
import { matrixProduct } from './matrix-product.js'
import { sorting } from './sort.js'
import { withoutGradient } from './without-gradient.js'

/**
 * Returns the losses' operations on float32 tensors of TensorFlow.js, on the current backend. Differentiate with
 * `tf.valueAndGrad`, `tf.variableGrads` or an optimizer's `minimize`, which free intermediate tensors. Elsewhere, wrap calls in
 * `tf.tidy`. Create tensors that must outlive the tidy, such as InverseNet's weights, before it.
 *
 * TensorFlow.js reports operands whose shapes do not fit each other.
 *
 * @throws InverseFormError `size-mismatch` from `maximum` and `matmul` when operands cannot be broadcast
 */
export function tfjsOps(): TfjsOps {
  return operations
}

export type TfjsOps = TensorOps<tf.Tensor> & SortOps<tf.Tensor>

const operations: TfjsOps = {
  ...sorting,

  constant: (data, shape) =>
    tf.tensor(data instanceof Float32Array ? data : Float32Array.from(data), [...shape]),
  shape: (x) => x.shape,
  stopGradient: (x) => withoutGradient(() => tf.clone(x), x),

  add: (a, b) => tf.add(a, b),
  subtract: (a, b) => tf.sub(a, b),
  multiply: (a, b) => tf.mul(a, b),
  divide: (a, b) => tf.div(a, b),
  maximum(a, b) {
    if (typeof b === 'number') return tf.maximum(a, b)
    const shape = broadcastShape(a.shape, b.shape)
    return tf.maximum(broadcast(a, shape), broadcast(b, shape))
  },
  // tf.greater has no gradient function, so TensorFlow.js fails to differentiate through it.
  greater(a, b) {
    const operands = typeof b === 'number' ? [a] : [a, b]
    return withoutGradient(() => tf.cast(tf.greater(a, b), 'float32'), ...operands)
  },

  abs: (x) => tf.abs(x),
  exp: (x) => tf.exp(x),
  log: (x) => tf.log(x),
  sqrt: (x) => tf.sqrt(x),
  sigmoid: (x) => tf.sigmoid(x),
  arctan: (x) => tf.atan(x),

  matmul(a, b, { transposeA = false, transposeB = false } = {}) {
    const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
    if (batch.length === 0) return matrixProduct(a, b, transposeA, transposeB)
    const full = (x: tf.Tensor) => broadcast(x, [...batch, ...x.shape.slice(-2)])
    return tf.matMul(full(a), full(b), transposeA, transposeB)
  },
  reshape: (x, shape) => tf.reshape(x, [...shape]),
  transpose: (x, axes) => tf.transpose(x, [...axes]),
  slice: (x, begin, size) => tf.slice(x, [...begin], [...size]),
  concat: (xs, axis) => tf.concat([...xs], axis),

  sum: (x, axes, keepDims) => tf.sum(x, axes && [...axes], keepDims),
  max: (x, axes, keepDims) => maximumOver(x, axes && [...axes], keepDims),
  // Uses a mask, because the gradient of a gather takes time proportional to the elements of x times the indices.
  takeAlongAxis(x, indices, axis) {
    const length = x.shape[axis]
    const along = x.shape.map((_, i) => (i === axis ? length : 1))
    const across = x.shape.map((size, i) => (i === axis ? 1 : size))
    const positions = tf.reshape(tf.range(0, length, 1, 'int32'), along)
    return tf.sum(tf.where(tf.equal(tf.tensor(indices, across, 'int32'), positions), x, 0), axis)
  },
}

/**
 * Repeats a tensor to a larger shape by adding zeros. The gradients of tf.maximum and tf.matMul wrongly have the result's shape
 * for a broadcast operand, and the gradient of tf.broadcastTo adds up slices one by one.
 */
function broadcast(x: tf.Tensor, shape: Shape): tf.Tensor {
  return sameShape(x.shape, shape) ? x : tf.add(x, tf.zeros([...shape]))
}

/** tf.max with equal maxima sharing the gradient. In TensorFlow.js, each of them gets all of it. */
function maximumOver(x: tf.Tensor, axes?: number[], keepDims = false): tf.Tensor {
  const over = axes ?? x.shape.map((_, axis) => axis)
  const kept = x.shape.map((size, axis) => (over.includes(axis) ? 1 : size))
  const operation = tf.customGrad((input, save) => {
    const y = input as tf.Tensor
    const value = tf.max(y, over, keepDims)
    ;(save as tf.GradSaveFunc)([y, value])
    const gradFunc = (dy: tf.Tensor, [y, value]: tf.Tensor[]) => {
      const equal = tf.cast(tf.equal(y, tf.reshape(value, kept)), 'float32')
      return tf.div(tf.mul(equal, tf.reshape(dy, kept)), tf.sum(equal, over, true))
    }
    return { value, gradFunc }
  })
  return operation(x)
}
