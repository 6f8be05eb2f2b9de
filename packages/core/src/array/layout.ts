import { product } from '@inverseform/shared'
import type { Shape, TensorOps } from '../ops.js'
import { shapeText, sizeMismatch } from '../shape.js'
import { forEachRun, stridesOf } from './strides.js'
import { type Allocate, type ArrayData, type ArrayTensor, record } from './tensor.js'

/** A view of an array. Element (i, j, …) is at offset + i · strides[0] + j · strides[1] + … */
interface View {
  readonly data: ArrayData
  readonly strides: readonly number[]
  readonly offset?: number
}

function copy(shape: Shape, from: View, to: View): ArrayData {
  const { data: source, offset: first = 0 } = from
  const { data: target, offset: second = 0 } = to
  forEachRun(shape, [from.strides, to.strides], (n, [i, j], [di, dj]) => {
    for (let k = 0, p = first + i, q = second + j; k < n; k++, p += di, q += dj) target[q] = source[p]
  })
  return target
}

export function layout(
  allocate: Allocate,
): Pick<TensorOps<ArrayTensor>, 'reshape' | 'transpose' | 'slice' | 'concat'> {
  return {
    reshape(x, shape) {
      if (product(shape) !== x.data.length) {
        throw sizeMismatch(
          `A tensor of ${shapeText(x.shape)} cannot be reshaped to ${shapeText(shape)}.`,
          'Give a shape with the same number of elements.',
          { from: x.shape, to: shape },
        )
      }
      return record(x.data, shape, [x, (gradient) => gradient])
    },
    transpose(x, axes) {
      if (axes.length !== x.shape.length || x.shape.some((_, axis) => !axes.includes(axis))) {
        throw sizeMismatch(
          `Axes ${axes.join(', ')} are not a permutation of the axes of a ${shapeText(x.shape)} tensor.`,
          'Name each axis once.',
          { axes, shape: x.shape },
        )
      }
      const shape = axes.map((axis) => x.shape[axis])
      const source = stridesOf(x.shape)
      const read = axes.map((axis) => source[axis])
      const write = stridesOf(shape)
      const zeros = () => allocate(x.data.length)
      const data = copy(shape, { data: x.data, strides: read }, { data: zeros(), strides: write })
      return record(data, shape, [
        x,
        (gradient) => copy(shape, { data: gradient, strides: write }, { data: zeros(), strides: read }),
      ])
    },
    slice(x, begin, size) {
      const fits = x.shape.every((length, axis) => begin[axis] >= 0 && begin[axis] + size[axis] <= length)
      if (begin.length !== x.shape.length || size.length !== x.shape.length || !fits) {
        throw sizeMismatch(
          `A slice of ${shapeText(size)} at (${begin.join(', ')}) does not fit a tensor of ${shapeText(x.shape)}.`,
          'Keep begin + size within the shape on every axis.',
          { begin, size, shape: x.shape },
        )
      }
      const strides = stridesOf(x.shape)
      const offset = begin.reduce((sum, first, axis) => sum + first * strides[axis], 0)
      const whole = stridesOf(size)
      const data = copy(
        size,
        { data: x.data, strides, offset },
        { data: allocate(product(size)), strides: whole },
      )
      return record(data, size, [
        x,
        (gradient) => {
          const result = allocate(x.data.length)
          return copy(size, { data: gradient, strides: whole }, { data: result, strides, offset })
        },
      ])
    },
    concat(xs, axis) {
      const first = xs[0]?.shape ?? []
      for (const { shape } of xs) {
        if (shape.length !== first.length || shape.some((size, i) => i !== axis && size !== first[i])) {
          throw sizeMismatch(
            `Tensors of ${shapeText(first)} and ${shapeText(shape)} cannot be joined along axis ${axis}.`,
            'Make their other axes equal.',
            { shapes: xs.map((x) => x.shape), axis },
          )
        }
      }
      const lengths = xs.map(({ shape }) => shape[axis])
      const shape = first.map((size, i) => (i === axis ? lengths.reduce((a, b) => a + b) : size))
      const strides = stridesOf(shape)
      const data = allocate(product(shape))
      let start = 0
      const parts = xs.map((x, i) => {
        const offset = start * strides[axis]
        start += lengths[i]
        const own = stridesOf(x.shape)
        copy(x.shape, { data: x.data, strides: own }, { data, strides, offset })
        const backward = (gradient: ArrayData) =>
          copy(x.shape, { data: gradient, strides, offset }, { data: allocate(x.data.length), strides: own })
        return [x, backward] as const
      })
      return record(data, shape, ...parts)
    },
  }
}
