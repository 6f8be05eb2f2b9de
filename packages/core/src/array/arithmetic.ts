import { product } from '@inverseform/shared'
import type { Shape, TensorOps } from '../ops.js'
import { sumTo } from './reduce.js'
import { broadcastShape, broadcastStrides, forEachRun, stridesOf } from './strides.js'
import { type Allocate, type ArrayData, type ArrayTensor, record } from './tensor.js'

/** Writes n results starting at `o`. The operands start at `i` and `j`, with steps `di` and `dj`. */
type Kernel = (
  out: ArrayData,
  a: ArrayData,
  b: ArrayData,
  n: number,
  o: number,
  i: number,
  di: number,
  j: number,
  dj: number,
) => void

// Each operation has its own loop, because a shared loop would call a function for every element.
const add: Kernel = (out, a, b, n, o, i, di, j, dj) => {
  for (let end = o + n; o < end; o++, i += di, j += dj) out[o] = a[i] + b[j]
}
const subtract: Kernel = (out, a, b, n, o, i, di, j, dj) => {
  for (let end = o + n; o < end; o++, i += di, j += dj) out[o] = a[i] - b[j]
}
const multiply: Kernel = (out, a, b, n, o, i, di, j, dj) => {
  for (let end = o + n; o < end; o++, i += di, j += dj) out[o] = a[i] * b[j]
}
const divide: Kernel = (out, a, b, n, o, i, di, j, dj) => {
  for (let end = o + n; o < end; o++, i += di, j += dj) out[o] = a[i] / b[j]
}
const maximum: Kernel = (out, a, b, n, o, i, di, j, dj) => {
  for (let end = o + n; o < end; o++, i += di, j += dj) out[o] = Math.max(a[i], b[j])
}
const greater: Kernel = (out, a, b, n, o, i, di, j, dj) => {
  for (let end = o + n; o < end; o++, i += di, j += dj) out[o] = a[i] > b[j] ? 1 : 0
}
/** The share of `maximum(a, b)`'s gradient that flows to a. */
const share: Kernel = (out, a, b, n, o, i, di, j, dj) => {
  for (let end = o + n; o < end; o++, i += di, j += dj) out[o] = a[i] > b[j] ? 1 : a[i] === b[j] ? 0.5 : 0
}

type Operand = Pick<ArrayTensor, 'data' | 'shape'>

export function arithmetic(
  allocate: Allocate,
): Pick<TensorOps<ArrayTensor>, 'add' | 'subtract' | 'multiply' | 'divide' | 'maximum' | 'greater'> {
  const tensor = (x: ArrayTensor | number): ArrayTensor =>
    typeof x === 'number' ? { data: allocate(1).fill(x), shape: [] } : x

  function apply(kernel: Kernel, a: Operand, b: Operand): { data: ArrayData; shape: Shape } {
    const shape = broadcastShape(a.shape, b.shape)
    const data = allocate(product(shape))
    const strides = [stridesOf(shape), broadcastStrides(a.shape, shape), broadcastStrides(b.shape, shape)]
    forEachRun(shape, strides, (n, [o, i, j], [, di, dj]) => kernel(data, a.data, b.data, n, o, i, di, j, dj))
    return { data, shape }
  }
  const negative = (data: ArrayData) => apply(subtract, tensor(0), { data, shape: [data.length] }).data

  return {
    add(a, second) {
      const b = tensor(second)
      const { data, shape } = apply(add, a, b)
      const to = (target: Shape) => (gradient: ArrayData) => sumTo(allocate, gradient, shape, target)
      return record(data, shape, [a, to(a.shape)], [b, to(b.shape)])
    },
    subtract(a, second) {
      const b = tensor(second)
      const { data, shape } = apply(subtract, a, b)
      return record(
        data,
        shape,
        [a, (gradient) => sumTo(allocate, gradient, shape, a.shape)],
        [b, (gradient) => negative(sumTo(allocate, gradient, shape, b.shape))],
      )
    },
    multiply(a, second) {
      const b = tensor(second)
      const { data, shape } = apply(multiply, a, b)
      const times = (factor: Operand, target: Shape) => (gradient: ArrayData) =>
        sumTo(allocate, apply(multiply, { data: gradient, shape }, factor).data, shape, target)
      return record(data, shape, [a, times(b, a.shape)], [b, times(a, b.shape)])
    },
    divide(a, second) {
      const b = tensor(second)
      const { data, shape } = apply(divide, a, b)
      const overB = (gradient: ArrayData) => apply(divide, { data: gradient, shape }, b)
      return record(
        data,
        shape,
        [a, (gradient) => sumTo(allocate, overB(gradient).data, shape, a.shape)],
        [
          b,
          (gradient) =>
            negative(sumTo(allocate, apply(multiply, overB(gradient), { data, shape }).data, shape, b.shape)),
        ],
      )
    },
    maximum(a, second) {
      const b = tensor(second)
      const { data, shape } = apply(maximum, a, b)
      const part = (of: Operand, other: Operand) => (gradient: ArrayData) => {
        const weighted = apply(multiply, apply(share, of, other), { data: gradient, shape })
        return sumTo(allocate, weighted.data, shape, of.shape)
      }
      return record(data, shape, [a, part(a, b)], [b, part(b, a)])
    },
    greater: (a, b) => apply(greater, a, tensor(b)),
  }
}
