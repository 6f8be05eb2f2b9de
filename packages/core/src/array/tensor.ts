import { InverseFormError } from '@inverseform/errors'
import type { Shape } from '../ops.js'

export type ArrayData = Float32Array | Float64Array

/** A tensor in plain memory, in C order. */
export interface ArrayTensor {
  readonly data: ArrayData
  readonly shape: Shape
  /** Its place in a gradient computation; absent for what no gradient is asked of. */
  readonly node?: TapeNode
}

/** Makes an array of zeros of a binding's number type. */
export type Allocate = (length: number) => ArrayData

/** Turns the gradient of an operation's result into that of one operand; must not change it. */
export type Backward = (gradient: ArrayData) => ArrayData

/** One value of a gradient computation. A tape lists them in the order they were computed. */
export interface TapeNode {
  readonly tape: TapeNode[]
  operands: readonly { readonly node: TapeNode; readonly backward: Backward }[]
  gradient?: ArrayData
  /** Whether `gradient` is this node's alone: a gradient may be shared with other nodes until a second one is added. */
  owned: boolean
}

/** The result of an operation, recorded on the tape of those operands that are on one. */
export function record(
  data: ArrayData,
  shape: Shape,
  ...operands: readonly (readonly [ArrayTensor, Backward])[]
): ArrayTensor {
  const tracked = operands.flatMap(([{ node }, backward]) => (node ? [{ node, backward }] : []))
  if (tracked.length === 0) return { data, shape }
  const { tape } = tracked[0]!.node
  if (tracked.some(({ node }) => node.tape !== tape)) throw nestedGradient()
  return { data, shape, node: append(tape, tracked) }
}

/** A value that a gradient is asked of. */
export function variable(tape: TapeNode[], { data, shape, node }: ArrayTensor): Required<ArrayTensor> {
  if (node) throw nestedGradient()
  return { data, shape, node: append(tape, []) }
}

/** Walks a tape back from its last value, letting go of each value's memory once it has been used. */
export function propagate(tape: TapeNode[]): void {
  for (let node = tape.pop(); node; node = tape.pop()) {
    const { gradient, operands } = node
    if (!gradient || operands.length === 0) continue
    node.operands = []
    node.gradient = undefined
    for (const { node: operand, backward } of operands) accumulate(operand, backward(gradient))
  }
}

function append(tape: TapeNode[], operands: TapeNode['operands']): TapeNode {
  const node: TapeNode = { tape, operands, owned: false }
  tape.push(node)
  return node
}

function accumulate(node: TapeNode, gradient: ArrayData): void {
  const sum = node.gradient
  if (!sum) {
    node.gradient = gradient
    return
  }
  const target = node.owned ? sum : sum.slice()
  for (let i = 0; i < target.length; i++) target[i]! += gradient[i]!
  node.gradient = target
  node.owned = true
}

function nestedGradient(): InverseFormError {
  return new InverseFormError('invalid-argument', 'A gradient was asked for inside another gradient.', {
    hint: 'Call grad or valueAndGrad outside of the function being differentiated: gradients of gradients are not available.',
  })
}
