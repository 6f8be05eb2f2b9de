import type { TensorOps } from './ops.js'

/** Euclidean norm over the given axes, which are dropped. At 0 its gradient is 0, where the square root's is infinite. */
export function norm<T>(ops: TensorOps<T>, x: T, axes: readonly number[]): T {
  const squares = ops.sum(ops.multiply(x, x), axes)
  const positive = ops.greater(squares, 0)
  return ops.multiply(ops.sqrt(ops.add(squares, complement(ops, positive))), positive)
}

/** `1 - x`: where a mask is 0. */
export function complement<T>(ops: TensorOps<T>, x: T): T {
  return ops.add(ops.multiply(x, -1), 1)
}
