import { sameShape } from '../dim.js'
import { scalar } from '../leaves.js'
import type { ComputedName, Value } from '../value.js'
import { broadcast, sumTo } from './broadcast.js'
import { type Apply, elementTypes, mismatch, type Operator } from './operator.js'

/** An operator of one input that keeps its shape. `slope` is the derivative, by the input or the output. */
const unary = <K extends ComputedName>(
  type: string,
  slope: (apply: Apply, x: Value, y: Value) => Value,
): Operator<K> => ({
  infer: ([x]) => x,
  emit: (emitter, inputs) => emitter.node(type, inputs),
  adjoint: (apply, value, gradient) => [
    () => apply('multiply', [gradient, slope(apply, value.inputs[0], value as Value)], {}),
  ],
})

export const relu: Operator<'relu'> = {
  infer: ([x]) => x,
  emit: (emitter, inputs) => emitter.node('Relu', inputs),
  adjoint: (apply, value, gradient) => [() => apply('gate', [gradient, value], {})],
}

export const gate: Operator<'gate'> = {
  infer(inputs) {
    if (!sameShape(inputs[0], inputs[1])) throw mismatch('gate', inputs, 'they must be equal')
    return inputs[0]
  },
  emit(emitter, [x, by]) {
    // A steep ramp is 0 or 1 in one pass; a comparison and a cast take two, and Where takes three times as long.
    const isOpen = emitter.node('HardSigmoid', [by], { alpha: { float: STEEP }, beta: { float: 0 } })
    return emitter.node('Mul', [x, isOpen])
  },
}

/** 2¹²⁷: its product with any normal number of at least 2⁻¹²⁶ is above 1. */
const STEEP = 2 ** 127

export const sigmoid: Operator<'sigmoid'> = unary('Sigmoid', (apply, _, y) =>
  apply('subtract', [y, apply('multiply', [y, y], {})], {}),
)

export const abs: Operator<'abs'> = unary('Abs', (apply, x) => {
  const zero = scalar(0)
  return apply('subtract', [apply('greater', [x, zero], {}), apply('greater', [zero, x], {})], {})
})

export const exp: Operator<'exp'> = unary('Exp', (_, __, y) => y)

export const log: Operator<'log'> = unary('Log', (apply, x) => apply('divide', [scalar(1), x], {}))

export const sqrt: Operator<'sqrt'> = unary('Sqrt', (apply, _, y) => apply('divide', [scalar(0.5), y], {}))

export const arctan: Operator<'arctan'> = unary('Atan', (apply, x) =>
  apply('divide', [scalar(1), apply('add', [apply('multiply', [x, x], {}), scalar(1)], {})], {}),
)

export const stopGradient: Operator<'stopGradient'> = {
  infer: ([x]) => x,
  emit: (emitter, inputs) => emitter.node('Identity', inputs),
}

export const add: Operator<'add'> = {
  infer: (inputs) => broadcast('add', inputs),
  emit: (emitter, inputs) => emitter.node('Add', inputs),
  adjoint: (apply, { inputs: [a, b] }, gradient) => [
    () => sumTo(apply, gradient, a.shape),
    () => sumTo(apply, gradient, b.shape),
  ],
}

export const subtract: Operator<'subtract'> = {
  infer: (inputs) => broadcast('subtract', inputs),
  emit: (emitter, inputs) => emitter.node('Sub', inputs),
  adjoint: (apply, { inputs: [a, b] }, gradient) => [
    () => sumTo(apply, gradient, a.shape),
    () => apply('multiply', [sumTo(apply, gradient, b.shape), scalar(-1)], {}),
  ],
}

export const multiply: Operator<'multiply'> = {
  infer: (inputs) => broadcast('multiply', inputs),
  emit: (emitter, inputs) => emitter.node('Mul', inputs),
  adjoint: (apply, { inputs: [a, b] }, gradient) => [
    () => sumTo(apply, apply('multiply', [gradient, b], {}), a.shape),
    () => sumTo(apply, apply('multiply', [gradient, a], {}), b.shape),
  ],
}

export const divide: Operator<'divide'> = {
  infer: (inputs) => broadcast('divide', inputs),
  emit: (emitter, inputs) => emitter.node('Div', inputs),
  adjoint: (apply, value, gradient) => {
    const [a, b] = value.inputs
    return [
      () => sumTo(apply, apply('divide', [gradient, b], {}), a.shape),
      () => {
        const slope = apply('divide', [apply('multiply', [value, scalar(-1)], {}), b], {})
        return sumTo(apply, apply('multiply', [gradient, slope], {}), b.shape)
      },
    ]
  },
}

/** Where the operands are equal, the second one gets the gradient. */
export const maximum: Operator<'maximum'> = {
  infer: (inputs) => broadcast('maximum', inputs),
  emit: (emitter, inputs) => emitter.node('Max', inputs),
  adjoint: (apply, { inputs: [a, b] }, gradient) => {
    const first = () => apply('multiply', [gradient, apply('greater', [a, b], {})], {})
    return [
      () => sumTo(apply, first(), a.shape),
      () => sumTo(apply, apply('subtract', [gradient, first()], {}), b.shape),
    ]
  },
}

export const greater: Operator<'greater'> = {
  infer: (inputs) => broadcast('greater', inputs),
  emit: (emitter, inputs) =>
    emitter.node('Cast', [emitter.node('Greater', inputs)], { to: elementTypes.float32 }),
}

export const softmax: Operator<'softmax'> = {
  infer: ([x]) => x,
  emit: (emitter, inputs, { axis }) => emitter.node('Softmax', inputs, { axis }),
  adjoint: (apply, value, gradient) => [
    () => {
      const weighted = apply('multiply', [gradient, value], {})
      const axes = [value.attributes.axis]
      const sum = apply('reduceSum', [weighted], { axes, keepDims: true })
      return apply('subtract', [weighted, apply('multiply', [value, sum], {})], {})
    },
  ],
}
