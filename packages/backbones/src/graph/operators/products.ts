import { product } from '@inverseform/shared'
import { sameDim } from '../dim.js'
import type { Value } from '../value.js'
import { broadcast, sumTo } from './broadcast.js'
import { type Apply, checkRank, mismatch, type Operator, sizesOf } from './operator.js'

export const matmul: Operator<'matmul'> = {
  infer(inputs) {
    const [a, b] = inputs
    if (a.length < 2 || b.length < 2) throw mismatch('matmul', inputs, 'both must have at least two axes')
    const batch = broadcast('matmul', [a.slice(0, -2), b.slice(0, -2)])
    if (!sameDim(a[a.length - 1], b[b.length - 2])) throw mismatch('matmul', inputs, 'the inner sizes differ')
    return [...batch, a[a.length - 2], b[b.length - 1]]
  },
  emit: (emitter, inputs) => emitter.node('MatMul', inputs),
  adjoint: (apply, { inputs: [a, b] }, gradient) => [
    () => sumTo(apply, apply('matmul', [gradient, swapLast(apply, b)], {}), a.shape),
    () => {
      if (b.shape.length > 2) {
        return sumTo(apply, apply('matmul', [swapLast(apply, a), gradient], {}), b.shape)
      }
      // One large product instead of a sum of many small ones.
      return apply('matmul', [swapLast(apply, asMatrix(apply, a)), asMatrix(apply, gradient)], {})
    },
  ],
}

export const linear: Operator<'linear'> = {
  infer(inputs) {
    checkRank('linear', inputs, 0, 2)
    const [x, weight, bias] = inputs
    if (!sameDim(x[1], weight[1]) || !sameDim(bias[0], weight[0])) {
      throw mismatch('linear', inputs, 'weight must be [outputs, inputs] and bias [outputs]')
    }
    return [x[0], weight[0]]
  },
  emit: (emitter, inputs) => emitter.node('Gemm', inputs, { transB: 1 }),
  adjoint: (apply, { inputs: [x, weight] }, gradient) => [
    () => apply('matmul', [gradient, weight], {}),
    () => apply('matmul', [swapLast(apply, gradient), x], {}),
    () => apply('reduceSum', [gradient], { axes: [0], keepDims: false }),
  ],
}

/** Swaps the last two axes. */
export function swapLast(apply: Apply, x: Value): Value {
  const rank = x.shape.length
  const permutation = x.shape.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis))
  return apply('transpose', [x], { permutation })
}

/** Joins all axes but the last. */
function asMatrix(apply: Apply, x: Value): Value {
  if (x.shape.length === 2) return x
  const sizes = sizesOf(x.shape)
  return apply('reshape', [x], { shape: [product(sizes.slice(0, -1)), sizes[sizes.length - 1]] })
}
