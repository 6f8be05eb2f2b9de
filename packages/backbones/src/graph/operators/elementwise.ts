import { type Dim, type Shape, sameDim } from '../dim.js'
import { mismatch, type Operator } from './operator.js'

export const relu: Operator<'relu'> = {
  infer: ([x]) => x,
  emit: (emitter, inputs) => emitter.node('Relu', inputs),
}

export const sigmoid: Operator<'sigmoid'> = {
  infer: ([x]) => x,
  emit: (emitter, inputs) => emitter.node('Sigmoid', inputs),
}

export const add: Operator<'add'> = {
  infer: (inputs) => broadcast('add', inputs),
  emit: (emitter, inputs) => emitter.node('Add', inputs),
}

export const multiply: Operator<'multiply'> = {
  infer: (inputs) => broadcast('multiply', inputs),
  emit: (emitter, inputs) => emitter.node('Mul', inputs),
}

export const softmax: Operator<'softmax'> = {
  infer: ([x]) => x,
  emit: (emitter, inputs, { axis }) => emitter.node('Softmax', inputs, { axis }),
}

function broadcast(operator: string, inputs: readonly Shape[]): Shape {
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
