import { sameShape } from '../dim.js'
import { constantOf } from '../leaves.js'
import type { Value } from '../value.js'
import { type Apply, elementTypes, mismatch, type OnnxEmitter, type Operator, sizesOf } from './operator.js'

const withoutAxis = <T>(shape: readonly T[], axis: number): T[] => shape.filter((_, i) => i !== axis)

export const takeAlongAxis: Operator<'takeAlongAxis'> = {
  infer(inputs, { axis }) {
    const [x, indices] = inputs
    const shape = withoutAxis(x, axis)
    if (!sameShape(shape, indices)) {
      throw mismatch('takeAlongAxis', inputs, `only axis ${axis} may be missing`)
    }
    return shape
  },
  emit: (emitter, [x, indices], { axis }) => gather(emitter, x, indices, axis),
  adjoint: (apply, { inputs: [x, indices], attributes: { axis } }, gradient) => [
    () => putAt(apply, gradient, indices, x, axis),
    undefined,
  ],
}

export const putAlongAxis: Operator<'putAlongAxis'> = {
  infer(inputs, { axis }) {
    const [elements, indices, positions] = inputs
    if (!sameShape(elements, indices)) throw mismatch('putAlongAxis', inputs, 'elements and positions differ')
    return [...elements.slice(0, axis), positions[axis], ...elements.slice(axis)]
  },
  emit(emitter, [elements, indices, positions], { axis }) {
    const axes = emitter.int64([axis])
    // A comparison with every position. Unlike ScatterElements, all execution providers have it.
    const isThere = emitter.node('Equal', [emitter.node('Unsqueeze', [indices, axes]), positions])
    const oneHot = emitter.node('Cast', [isThere], { to: elementTypes.float32 })
    return emitter.node('Mul', [oneHot, emitter.node('Unsqueeze', [elements, axes])])
  },
}

export const addAlongAxis: Operator<'addAlongAxis'> = {
  infer(inputs, { axis }) {
    const [x, elements, indices] = inputs
    const shape = withoutAxis(x, axis)
    if (!sameShape(shape, elements) || !sameShape(shape, indices)) {
      throw mismatch('addAlongAxis', inputs, `only axis ${axis} may be missing`)
    }
    return x
  },
  emit(emitter, [x, elements, indices], { axis }) {
    const axes = emitter.int64([axis])
    const positions = emitter.node('Unsqueeze', [emitter.asInt64(indices), axes])
    const added = emitter.node('Unsqueeze', [elements, axes])
    return emitter.node('ScatterElements', [x, positions, added], { axis, reduction: 'add' })
  },
  adjoint: (apply, { inputs: [, , indices], attributes }, gradient) => [
    () => gradient,
    () => apply('takeAlongAxis', [gradient, indices], attributes),
    undefined,
  ],
}

export const descendingSum: Operator<'descendingSum'> = {
  infer(inputs) {
    if (!sameShape(inputs[0], inputs[1])) throw mismatch('descendingSum', inputs, 'they must be equal')
    return inputs[0]
  },
  emit(emitter, [keys, values], { axis }) {
    const length = emitter.sizes(keys, axis, axis + 1)
    const [, order] = emitter.sharedNode('TopK', [keys, length], 2, { axis, largest: 1, sorted: 1 })
    const sorted = emitter.node('GatherElements', [values, order], { axis })
    const sums = emitter.node('CumSum', [sorted, emitter.int64([axis])])
    return emitter.node('ScatterElements', [values, order, sums], { axis })
  },
}

function gather(emitter: OnnxEmitter, x: string, indices: string, axis: number): string {
  const axes = emitter.int64([axis])
  const positions = emitter.node('Unsqueeze', [emitter.asInt64(indices), axes])
  return emitter.node('Squeeze', [emitter.node('GatherElements', [x, positions], { axis }), axes])
}

/** Puts elements at their positions along an axis of a tensor like `like`, and 0 elsewhere. */
function putAt(apply: Apply, elements: Value, indices: Value, like: Value, axis: number): Value {
  const [size] = sizesOf([like.shape[axis]])
  const shape = like.shape.map((_, i) => (i === axis ? size : 1))
  const positions = constantOf(
    `positions.${size}`,
    shape,
    Float32Array.from({ length: size }, (_, i) => i),
  )
  return apply('putAlongAxis', [elements, indices, positions], { axis })
}
