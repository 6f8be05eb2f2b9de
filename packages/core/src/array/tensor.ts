import { InverseFormError } from '@inverseform/errors'
import type { Shape } from '../ops.js'

export type ArrayData = Float32Array | Float64Array

/** A tensor in plain memory, in C order. */
export interface ArrayTensor {
  readonly data: ArrayData
  readonly shape: Shape
  /** The tensor's node in a gradient computation; absent for tensors without gradient. */
  readonly node?: TapeNode
}

/** Allocates an array of zeros of a binding's number type. */
export type Allocate = (length: number) => ArrayData

/**
 * Computes the gradient of one operand from that of an operation's result, which it must not change. It may add to `sum`, the
 * operand's gradient so far, and return that.
 */
export type Backward = (gradient: ArrayData, sum?: ArrayData) => ArrayData

/** A gradient computation: its values in the order they were computed. */
export interface Tape {
  readonly nodes: TapeNode[]
  /** Set when the differentiated function has returned. No gradient flows through its values anymore. */
  finished: boolean
}

/** One value of a gradient computation. */
export interface TapeNode {
  readonly tape: Tape
  operands: readonly { readonly node: TapeNode; readonly backward: Backward }[]
  gradient?: ArrayData
  /** Whether only this node holds `gradient`. Nodes may share a gradient until a second one is added. */
  owned: boolean
}

/** Returns the result of an operation, recorded on the tape of its operands. */
export function record(
  data: ArrayData,
  shape: Shape,
  ...operands: readonly (readonly [ArrayTensor, Backward])[]
): ArrayTensor {
  const tracked = operands.flatMap(([{ node }, backward]) => (node ? [{ node, backward }] : []))
  if (tracked.length === 0) return { data, shape }
  const { tape } = tracked[0].node
  const other = tracked.find(({ node }) => node.tape !== tape)
  if (other) throw strayTensor(tape, other.node.tape)
  return { data, shape, node: append(tape, tracked) }
}

/** Returns a tensor whose gradient will be computed. */
export function variable(tape: Tape, { data, shape, node }: ArrayTensor): Required<ArrayTensor> {
  if (node) throw strayTensor(node.tape)
  return { data, shape, node: append(tape, []) }
}

/** Propagates gradients from the last value of a tape to the first, and releases each value's memory after use. */
export function propagate({ nodes }: Tape): void {
  for (let node = nodes.pop(); node; node = nodes.pop()) {
    const { gradient, operands, owned } = node
    if (!gradient || operands.length === 0) continue
    node.operands = []
    node.gradient = undefined
    for (const { node: operand, backward } of operands) {
      const result = backward(gradient, operand.owned ? operand.gradient : undefined)
      // A gradient that is passed on unchanged stays shared, unless this node owns it and has one operand.
      accumulate(operand, result, result !== gradient || (owned && operands.length === 1))
    }
  }
}

function append(tape: Tape, operands: TapeNode['operands']): TapeNode {
  const node: TapeNode = { tape, operands, owned: false }
  if (!tape.finished) tape.nodes.push(node)
  return node
}

function accumulate(node: TapeNode, gradient: ArrayData, owned: boolean): void {
  const sum = node.gradient
  if (!sum) {
    node.gradient = gradient
    node.owned = owned
    return
  }
  if (node.owned && gradient === sum) return
  const [target, other] = node.owned ? [sum, gradient] : owned ? [gradient, sum] : [sum.slice(), gradient]
  for (let i = 0; i < target.length; i++) target[i] += other[i]
  node.gradient = target
  node.owned = true
}

/** Returns the error for a tensor of another gradient computation. */
export function strayTensor(...tapes: readonly Tape[]): InverseFormError {
  return tapes.some(({ finished }) => finished)
    ? new InverseFormError(
        'invalid-argument',
        'A tensor of an earlier gradient computation cannot be used in another.',
        { hint: 'Pass it through stopGradient before you keep it.' },
      )
    : new InverseFormError('invalid-argument', 'A gradient cannot be computed inside another gradient.', {
        hint: 'Call grad or valueAndGrad outside the differentiated function. Second derivatives are not supported.',
      })
}
