import { product } from '@inverseform/shared'
import type { Dim, Shape } from '../dim.js'
import { scalar } from '../leaves.js'
import type { OperatorAttributes, ReduceAttributes, Value, ValueOf } from '../value.js'
import { expandTo } from './broadcast.js'
import { type Apply, type Operator, sizesOf } from './operator.js'

export const reduceSum: Operator<'reduceSum'> = {
  infer: ([x], attributes) => reduced(x, attributes),
  emit: (emitter, [x], { axes, keepDims }) =>
    emitter.node('ReduceSum', [x, emitter.int64(axes)], {
      keepdims: Number(keepDims),
      noop_with_empty_axes: 1,
    }),
  adjoint: (apply, value, gradient) => [
    () => expandTo(apply, withKeptAxes(apply, gradient, value), value.inputs[0].shape),
  ],
}

export const reduceMean: Operator<'reduceMean'> = {
  infer: ([x], attributes) => reduced(x, attributes),
  emit: (emitter, [x], { axes, keepDims }) =>
    emitter.node('ReduceMean', [x], { axes, keepdims: Number(keepDims) }),
  adjoint: (apply, value, gradient) => [
    () => {
      const [x] = value.inputs
      const count = product(sizesOf(value.attributes.axes.map((axis) => x.shape[axis])))
      const share = apply('multiply', [gradient, scalar(1 / count)], {})
      return expandTo(apply, withKeptAxes(apply, share, value), x.shape)
    },
  ],
}

export const reduceMax: Operator<'reduceMax'> = {
  infer: ([x], attributes) => reduced(x, attributes),
  emit: (emitter, [x], { axes, keepDims }) =>
    axes.length === 0 ? x : emitter.node('ReduceMax', [x], { axes, keepdims: Number(keepDims) }),
  adjoint: (apply, value, gradient) => [
    () => {
      const [x] = value.inputs
      const { axes } = value.attributes
      const below = apply('greater', [withKeptAxes(apply, value, value), x], {})
      const largest = apply('subtract', [scalar(1), below], {})
      const count = apply('reduceSum', [largest], { axes, keepDims: true })
      const share = apply('divide', [withKeptAxes(apply, gradient, value), count], {})
      return apply('multiply', [largest, share], {})
    },
  ],
}

function reduced(x: Shape, { axes, keepDims }: ReduceAttributes): Shape {
  return x.flatMap((dim, axis): readonly Dim[] => (!axes.includes(axis) ? [dim] : keepDims ? [1] : []))
}

type ReduceName = {
  [K in keyof OperatorAttributes]: OperatorAttributes[K] extends ReduceAttributes ? K : never
}[keyof OperatorAttributes]

/** Returns a tensor of a reduction's shape, with size 1 on the axes that were dropped. */
function withKeptAxes(apply: Apply, x: Value, { inputs, attributes }: ValueOf<ReduceName>): Value {
  if (attributes.keepDims || attributes.axes.length === 0) return x
  const kept = reduced(inputs[0].shape, { axes: attributes.axes, keepDims: true })
  return apply('reshape', [x], { shape: sizesOf(kept) })
}
