import { product } from '@inverseform/shared'
import type { Shape, TensorOps } from '../ops.js'
import { broadcastStrides, forEachRun, sameShape, stridesOf } from './strides.js'
import { type Allocate, type ArrayData, type ArrayTensor, record } from './tensor.js'

/** Sums values of `shape` over the axes that `target` lacks or has with size 1, in double precision. */
export function sumTo(allocate: Allocate, data: ArrayData, shape: Shape, target: Shape): ArrayData {
  if (sameShape(shape, target)) return data
  const sums = new Float64Array(product(target))
  forEachRun(shape, [stridesOf(shape), broadcastStrides(target, shape)], (n, [from, to], [step, toStep]) => {
    if (toStep === 0) {
      let sum = 0
      for (let i = 0, p = from; i < n; i++, p += step) sum += data[p]
      sums[to] += sum
    } else for (let i = 0, p = from, q = to; i < n; i++, p += step, q += toStep) sums[q] += data[p]
  })
  const result = allocate(sums.length)
  result.set(sums)
  return result
}

/** Repeats values of `shape` to the shape `target` that it broadcasts to. */
export function expand(allocate: Allocate, data: ArrayData, shape: Shape, target: Shape): ArrayData {
  if (sameShape(shape, target)) return data
  const result = allocate(product(target))
  forEachRun(target, [stridesOf(target), broadcastStrides(shape, target)], (n, [to, from], [, step]) => {
    if (step === 0) result.fill(data[from], to, to + n)
    else for (let i = 0, p = from; i < n; i++, p += step) result[to + i] = data[p]
  })
  return result
}

export function reductions(allocate: Allocate): Pick<TensorOps<ArrayTensor>, 'sum' | 'max'> {
  return {
    sum(x, axes, keepDims) {
      const kept = keptShape(x.shape, axes)
      const data = sumTo(allocate, x.data, x.shape, kept)
      return record(data, resultShape(x.shape, axes, keepDims), [
        x,
        (gradient) => expand(allocate, gradient, kept, x.shape),
      ])
    },
    // Elements that equal the maximum share the gradient equally.
    max(x, axes, keepDims) {
      const kept = keptShape(x.shape, axes)
      const maxima = allocate(product(kept)).fill(Number.NEGATIVE_INFINITY)
      const strides = [stridesOf(x.shape), broadcastStrides(kept, x.shape)]
      forEachRun(x.shape, strides, (n, [from, to], [step, toStep]) => {
        for (let i = 0, p = from, q = to; i < n; i++, p += step, q += toStep) {
          maxima[q] = Math.max(maxima[q], x.data[p])
        }
      })
      return record(maxima, resultShape(x.shape, axes, keepDims), [
        x,
        (gradient) => {
          const shares = expand(allocate, maxima, kept, x.shape).slice()
          for (let i = 0; i < shares.length; i++) shares[i] = shares[i] === x.data[i] ? 1 : 0
          const ties = expand(allocate, sumTo(allocate, shares, x.shape, kept), kept, x.shape)
          const spread = expand(allocate, gradient, kept, x.shape)
          for (let i = 0; i < shares.length; i++) shares[i] = (shares[i] * spread[i]) / ties[i]
          return shares
        },
      ])
    },
  }
}

const keptShape = (shape: Shape, axes?: readonly number[]): Shape =>
  shape.map((size, axis) => (!axes || axes.includes(axis) ? 1 : size))

function resultShape(shape: Shape, axes?: readonly number[], keepDims = false): Shape {
  return keepDims ? keptShape(shape, axes) : shape.filter((_, axis) => axes && !axes.includes(axis))
}
