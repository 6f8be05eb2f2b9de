import { lax, numpy as np } from '@jax-js/jax'
import { broadcastShape } from '../array/strides.js'
import type { SortOps, TensorOps } from '../ops.js'
import { record } from './consuming.js'
import { sorting } from './sort.js'

/**
 * Returns the losses' operations on floating-point arrays of jax-js, eager or traced. Unlike the functions of jax-js, they do not
 * consume their operands. Run them inside {@link consuming}, which frees intermediate arrays. Outside it, the caller must
 * `dispose()` results, as well as arrays that are kept, such as InverseNet's weights.
 *
 * jax-js reports operands whose shapes do not fit each other.
 *
 * @throws InverseFormError `size-mismatch` from `matmul` when operands cannot be broadcast
 */
export function jaxOps(): JaxOps {
  return operations
}

export type JaxOps = TensorOps<np.Array> & SortOps<np.Array>

const operations: JaxOps = {
  ...sorting,

  constant: (data, shape) =>
    record(np.array(data instanceof Float32Array ? data : Float32Array.from(data), { shape: [...shape] })),
  shape: (x) => x.shape,
  stopGradient: unary(lax.stopGradient),

  add: binary(np.add),
  subtract: binary(np.subtract),
  multiply: binary(np.multiply),
  divide: binary(np.divide),
  maximum: binary(np.maximum),
  greater: (a, b) => record(np.greater(a.ref, typeof b === 'number' ? b : b.ref).astype(a.dtype)),

  abs: unary(np.abs),
  exp: unary(np.exp),
  log: unary(np.log),
  sqrt: unary(np.sqrt),
  sigmoid: unary(sigmoid),
  arctan: unary(np.arctan),

  // np.matmul does not broadcast axes of size 1, nor axes that only the second operand has. np.broadcastTo copies nothing.
  matmul(a, b, { transposeA = false, transposeB = false } = {}) {
    const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
    const full = (x: np.Array, transposed: boolean) => {
      const repeated = np.broadcastTo(x.ref, [...batch, ...x.shape.slice(-2)])
      return transposed ? np.matrixTranspose(repeated) : repeated
    }
    return record(np.matmul(full(a, transposeA), full(b, transposeB)))
  },
  reshape: (x, shape) => record(x.ref.reshape([...shape])),
  transpose: (x, axes) => record(x.ref.transpose([...axes])),
  slice: (x, begin, size) =>
    record(x.ref.slice(...begin.map((first, axis): [number, number] => [first, first + size[axis]]))),
  concat: (xs, axis) =>
    record(
      np.concatenate(
        xs.map((x) => x.ref),
        axis,
      ),
    ),

  sum: (x, axes, keepdims) => record(x.ref.sum(axes && [...axes], { keepdims })),
  max: (x, axes, keepdims) => record(x.ref.max(axes && [...axes], { keepdims })),
  takeAlongAxis(x, indices, axis) {
    const length = x.shape[axis]
    const along = x.shape.map((_, i) => (i === axis ? length : 1))
    const across = x.shape.map((size, i) => (i === axis ? 1 : size))
    const positions = np.arange(length).astype(np.int32).reshape(along)
    const chosen = np.equal(np.array(indices, { shape: across }), positions)
    return record(np.where(chosen, x.ref, 0).sum(axis))
  },
}

function unary(f: (x: np.Array) => np.Array) {
  return (x: np.Array) => record(f(x.ref))
}

function binary(f: (a: np.Array, b: np.Array | number) => np.Array) {
  return (a: np.Array, b: np.Array | number) => record(f(a.ref, typeof b === 'number' ? b : b.ref))
}

/** A sigmoid whose exponential never exceeds 1. The gradient of nn.sigmoid is NaN below -88, where exp(-x) overflows. */
function sigmoid(x: np.Array): np.Array {
  const positive = np.greater(x.ref, 0)
  const small = np.exp(np.where(positive.ref, x.ref.neg(), x))
  return np.where(positive, 1, small.ref).div(small.add(1))
}
