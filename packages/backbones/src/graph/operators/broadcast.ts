import { type Dim, type Shape, sameDim, sameShape } from '../dim.js'
import type { Value } from '../value.js'
import { type Apply, mismatch, sizesOf } from './operator.js'

/** Returns the shape to which NumPy broadcasts two shapes. */
export function broadcast(operator: string, inputs: readonly Shape[]): Shape {
  const [a, b] = inputs
  const rank = Math.max(a.length, b.length)
  const axis = (shape: Shape, i: number): Dim =>
    i < rank - shape.length ? 1 : shape[i - rank + shape.length]
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [axis(a, i), axis(b, i)]
    if (x !== 1 && y !== 1 && !sameDim(x, y)) throw mismatch(operator, inputs, `axis ${i} differs`)
    return x === 1 ? y : x
  })
}

/** Sums a gradient over the axes along which an input of the given shape was repeated: the adjoint of broadcasting. */
export function sumTo(apply: Apply, gradient: Value, shape: Shape): Value {
  if (sameShape(gradient.shape, shape)) return gradient
  const extra = gradient.shape.length - shape.length
  const axes = gradient.shape.flatMap((dim, axis) =>
    axis < extra || !sameDim(dim, shape[axis - extra]) ? [axis] : [],
  )
  const sum = apply('reduceSum', [gradient], { axes, keepDims: true })
  return extra === 0 ? sum : apply('reshape', [sum], { shape: sizesOf(shape) })
}

/** Repeats a value to a shape, unless it has it. */
export function expandTo(apply: Apply, x: Value, shape: Shape): Value {
  return sameShape(x.shape, shape) ? x : apply('expand', [x], { shape: sizesOf(shape) })
}
