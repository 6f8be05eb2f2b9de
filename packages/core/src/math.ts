import type { FusedOps, TensorOps } from './ops.js'

/** `1 - x`, such as the inverse of a mask. */
export function complement<T>(ops: TensorOps<T>, x: T): T {
  return ops.add(ops.multiply(x, -1), 1)
}

/** `a / b` for b >= 0; `a` where b is 0. */
export function ratio<T>(ops: TensorOps<T>, a: T, b: T): T {
  return ops.divide(a, ops.add(b, complement(ops, ops.greater(b, 0))))
}

/** Euclidean norm over the given axes, which are dropped. Its gradient at 0 is 0 instead of infinite. */
export function norm<T>(ops: TensorOps<T>, x: T, axes: readonly number[]): T {
  const squares = ops.sum(ops.multiply(x, x), axes)
  const positive = ops.greater(squares, 0)
  return ops.multiply(ops.sqrt(ops.add(squares, complement(ops, positive))), positive)
}

/** `x ** exponent` for x >= 0 and exponent > 0. The gradient at x = 0 is 0, even where the true gradient is infinite. */
export function power<T>(ops: TensorOps<T>, x: T, exponent: number): T {
  if (exponent === 1) return x
  if (exponent === 2) return ops.multiply(x, x)
  const positive = ops.greater(x, 0)
  const base = ops.add(ops.multiply(x, positive), complement(ops, positive))
  return ops.multiply(ops.exp(ops.multiply(ops.log(base), exponent)), positive)
}

/** Subtracts the maximum along axis 1. This leaves the softmax unchanged and prevents overflow in `exp`. */
export function subtractMax<T>(ops: TensorOps<T>, logits: T): T {
  return ops.subtract(logits, ops.max(ops.stopGradient(logits), [1], true))
}

/** `log softmax` over axis 1. */
export function logSoftmax<T>(ops: TensorOps<T>, logits: T): T {
  const shifted = subtractMax(ops, logits)
  return ops.subtract(shifted, ops.log(ops.sum(ops.exp(shifted), [1], true)))
}

/** Softmax over axis 1. */
export function softmax<T>(ops: TensorOps<T>, logits: T): T {
  const powers = ops.exp(subtractMax(ops, logits))
  return ops.divide(powers, ops.sum(powers, [1], true))
}

/** `log(1 + exp(x))`. It computes max(x, 0) from |x| so that the gradient at 0 is correct. */
export function softplus<T>(ops: TensorOps<T> & Partial<FusedOps<T>>, x: T): T {
  if (ops.softplus) return ops.softplus(x)
  const magnitude = ops.abs(x)
  const tail = ops.log(ops.add(ops.exp(ops.multiply(magnitude, -1)), 1))
  return ops.add(ops.multiply(ops.add(x, magnitude), 0.5), tail)
}
