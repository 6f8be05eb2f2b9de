import { complement } from '../norm.js'
import type { TensorOps } from '../ops.js'

/** Less the largest along axis 1, which softmax does not change by, and which keeps powers from overflowing. */
export function fromLargest<T>(ops: TensorOps<T>, logits: T): T {
  return ops.subtract(logits, ops.max(ops.stopGradient(logits), [1], true))
}

/** `log softmax` over axis 1. */
export function logSoftmax<T>(ops: TensorOps<T>, logits: T): T {
  const shifted = fromLargest(ops, logits)
  return ops.subtract(shifted, ops.log(ops.sum(ops.exp(shifted), [1], true)))
}

/** Softmax over axis 1. */
export function softmax<T>(ops: TensorOps<T>, logits: T): T {
  const powers = ops.exp(fromLargest(ops, logits))
  return ops.divide(powers, ops.sum(powers, [1], true))
}

/** `log(1 + exp(x))`, where max(x, 0) comes from |x| so that the gradient at 0 is right. */
export function softplus<T>(ops: TensorOps<T>, x: T): T {
  const magnitude = ops.abs(x)
  const tail = ops.log(ops.add(ops.exp(ops.multiply(magnitude, -1)), 1))
  return ops.add(ops.multiply(ops.add(x, magnitude), 0.5), tail)
}

/** `x ** exponent` for x >= 0 and exponent > 0. Where x is 0 the gradient is 0, also where the true one is infinite. */
export function power<T>(ops: TensorOps<T>, x: T, exponent: number): T {
  if (exponent === 1) return x
  if (exponent === 2) return ops.multiply(x, x)
  const positive = ops.greater(x, 0)
  const base = ops.add(ops.multiply(x, positive), complement(ops, positive))
  return ops.multiply(ops.exp(ops.multiply(ops.log(base), exponent)), positive)
}

/** `a / b` for b >= 0; `a` where b is 0. */
export function ratio<T>(ops: TensorOps<T>, a: T, b: T): T {
  return ops.divide(a, ops.add(b, complement(ops, ops.greater(b, 0))))
}
