import type { TensorOps } from '../ops.js'
import { type Allocate, type ArrayData, type ArrayTensor, record } from './tensor.js'

/** `forward` writes y = f(x); `backward` writes gradient · f'(x), with both x and y at hand. */
interface Unary {
  forward(out: ArrayData, x: ArrayData): void
  backward(out: ArrayData, gradient: ArrayData, x: ArrayData, y: ArrayData): void
}

// One loop an operation: a loop shared by all of them would call a function for every element.
const abs: Unary = {
  forward(out, x) {
    for (let i = 0; i < out.length; i++) out[i] = Math.abs(x[i]!)
  },
  backward(out, gradient, x) {
    for (let i = 0; i < out.length; i++) out[i] = gradient[i]! * Math.sign(x[i]!)
  },
}
const exp: Unary = {
  forward(out, x) {
    for (let i = 0; i < out.length; i++) out[i] = Math.exp(x[i]!)
  },
  backward(out, gradient, _x, y) {
    for (let i = 0; i < out.length; i++) out[i] = gradient[i]! * y[i]!
  },
}
const log: Unary = {
  forward(out, x) {
    for (let i = 0; i < out.length; i++) out[i] = Math.log(x[i]!)
  },
  backward(out, gradient, x) {
    for (let i = 0; i < out.length; i++) out[i] = gradient[i]! / x[i]!
  },
}
const sqrt: Unary = {
  forward(out, x) {
    for (let i = 0; i < out.length; i++) out[i] = Math.sqrt(x[i]!)
  },
  backward(out, gradient, _x, y) {
    for (let i = 0; i < out.length; i++) out[i] = gradient[i]! / (2 * y[i]!)
  },
}
const sigmoid: Unary = {
  forward(out, x) {
    for (let i = 0; i < out.length; i++) out[i] = 1 / (1 + Math.exp(-x[i]!))
  },
  backward(out, gradient, _x, y) {
    for (let i = 0; i < out.length; i++) out[i] = gradient[i]! * y[i]! * (1 - y[i]!)
  },
}
const arctan: Unary = {
  forward(out, x) {
    for (let i = 0; i < out.length; i++) out[i] = Math.atan(x[i]!)
  },
  backward(out, gradient, x) {
    for (let i = 0; i < out.length; i++) out[i] = gradient[i]! / (1 + x[i]! * x[i]!)
  },
}

export function functions(
  allocate: Allocate,
): Pick<TensorOps<ArrayTensor>, 'abs' | 'exp' | 'log' | 'sqrt' | 'sigmoid' | 'arctan'> {
  const unary =
    ({ forward, backward }: Unary) =>
    (x: ArrayTensor): ArrayTensor => {
      const data = allocate(x.data.length)
      forward(data, x.data)
      return record(data, x.shape, [
        x,
        (gradient) => {
          const result = allocate(data.length)
          backward(result, gradient, x.data, data)
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
  }
}
