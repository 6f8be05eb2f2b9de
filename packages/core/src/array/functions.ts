import type { FusedOps, TensorOps } from '../ops.js'
import { exponentialOf } from './exponential.js'
import { type Allocate, type ArrayData, type ArrayTensor, record } from './tensor.js'

/** `forward` writes y = f(x). `backward` writes gradient · f'(x) from x or y, whichever `keeps` names. */
interface Unary {
  readonly keeps: 'x' | 'y'
  forward(out: ArrayData, x: ArrayData): void
  backward(out: ArrayData, gradient: ArrayData, kept: ArrayData): void
}

// Each function has its own loop, because a shared loop would call a function for every element.
const abs: Unary = {
  keeps: 'x',
  forward(out, x) {
    for (let i = 0; i < out.length; i++) out[i] = Math.abs(x[i])
  },
  backward(out, gradient, x) {
    for (let i = 0; i < out.length; i++) out[i] = gradient[i] * Math.sign(x[i])
  },
}
const exp: Unary = {
  keeps: 'y',
  forward(out, x) {
    const e = exponentialOf(x)
    for (let i = 0; i < out.length; i++) out[i] = e(x[i])
  },
  backward(out, gradient, y) {
    for (let i = 0; i < out.length; i++) out[i] = gradient[i] * y[i]
  },
}
const log: Unary = {
  keeps: 'x',
  forward(out, x) {
    for (let i = 0; i < out.length; i++) out[i] = Math.log(x[i])
  },
  backward(out, gradient, x) {
    for (let i = 0; i < out.length; i++) out[i] = gradient[i] / x[i]
  },
}
const sqrt: Unary = {
  keeps: 'y',
  forward(out, x) {
    for (let i = 0; i < out.length; i++) out[i] = Math.sqrt(x[i])
  },
  backward(out, gradient, y) {
    for (let i = 0; i < out.length; i++) out[i] = gradient[i] / (2 * y[i])
  },
}
const sigmoid: Unary = {
  keeps: 'y',
  forward(out, x) {
    const e = exponentialOf(x)
    for (let i = 0; i < out.length; i++) out[i] = 1 / (1 + e(-x[i]))
  },
  backward(out, gradient, y) {
    for (let i = 0; i < out.length; i++) out[i] = gradient[i] * y[i] * (1 - y[i])
  },
}
const softplus: Unary = {
  keeps: 'x',
  forward(out, x) {
    const e = exponentialOf(x)
    for (let i = 0; i < out.length; i++) out[i] = Math.max(x[i], 0) + Math.log(1 + e(-Math.abs(x[i])))
  },
  backward(out, gradient, x) {
    const e = exponentialOf(x)
    for (let i = 0; i < out.length; i++) out[i] = gradient[i] / (1 + e(-x[i]))
  },
}
const arctan: Unary = {
  keeps: 'x',
  forward(out, x) {
    for (let i = 0; i < out.length; i++) out[i] = Math.atan(x[i])
  },
  backward(out, gradient, x) {
    for (let i = 0; i < out.length; i++) out[i] = gradient[i] / (1 + x[i] * x[i])
  },
}

export function functions(
  allocate: Allocate,
): Pick<TensorOps<ArrayTensor>, 'abs' | 'exp' | 'log' | 'sqrt' | 'sigmoid' | 'arctan'> &
  Pick<FusedOps<ArrayTensor>, 'softplus'> {
  const unary =
    ({ keeps, forward, backward }: Unary) =>
    (x: ArrayTensor): ArrayTensor => {
      const data = allocate(x.data.length)
      forward(data, x.data)
      const kept = keeps === 'x' ? x.data : data
      return record(data, x.shape, [
        x,
        (gradient) => {
          const result = allocate(kept.length)
          backward(result, gradient, kept)
          return result
        },
      ])
    }
  return {
    abs: unary(abs),
    exp: unary(exp),
    log: unary(log),
    sqrt: unary(sqrt),
    sigmoid: unary(sigmoid),
    arctan: unary(arctan),
    softplus: unary(softplus),
  }
}
