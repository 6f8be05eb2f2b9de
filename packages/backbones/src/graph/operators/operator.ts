import { InverseFormError } from '@inverseform/errors'
import { formatShape, type Shape } from '../dim.js'
import type { ComputedName, OperatorAttributes, OperatorName, Value, ValueOf } from '../value.js'

/** Receives the ONNX nodes of operators. Tensors are identified by name. */
export interface OnnxEmitter {
  /** Adds a node with one output and returns that output's name. */
  node(type: string, inputs: readonly string[], attributes?: Readonly<Record<string, OnnxAttribute>>): string
  /** Adds a node with several outputs and returns their names. A node of the same inputs and attributes is added once. */
  sharedNode(
    type: string,
    inputs: readonly string[],
    outputs: number,
    attributes?: Readonly<Record<string, OnnxAttribute>>,
  ): readonly string[]
  /** Returns the name of an input, cast to int64. */
  asInt64(tensor: string): string
  /** Adds a number and returns its name. */
  float(value: number): string
  /** Adds an unsigned 8-bit number and returns its name. */
  uint8(value: number): string
  /** Adds a constant int64 vector and returns its name. */
  int64(values: readonly number[]): string
  /** Returns the name of an int64 vector with a tensor's sizes from axis `start` up to `end`. */
  sizes(tensor: string, start: number, end?: number): string
}

export type OnnxAttribute = number | { readonly float: number } | string | readonly number[]

/** Creates a value. Adjoints receive it, because the table of operators that it needs contains them. */
export type Apply = <K extends ComputedName>(
  op: K,
  inputs: readonly Value[],
  attributes: OperatorAttributes[K],
) => Value

/** How an operator infers its shape and is written as ONNX. */
export interface Operator<K extends OperatorName> {
  /** Returns the output's shape; throws `size-mismatch` when the inputs do not fit. */
  readonly infer: (inputs: readonly Shape[], attributes: OperatorAttributes[K]) => Shape
  /** Emits the operator over its inputs' names and returns the output's name. */
  readonly emit: (
    emitter: OnnxEmitter,
    inputs: readonly string[],
    attributes: OperatorAttributes[K],
  ) => string
  /**
   * Returns, for each input, a function that creates its gradient from the output's; `undefined` for an input without gradient.
   * An operator without adjoint has no gradient at all.
   */
  readonly adjoint?: (
    apply: Apply,
    value: ValueOf<K>,
    gradient: Value,
  ) => readonly ((() => Value) | undefined)[]
}

/** ONNX's numbers of element types, for Cast. */
export const elementTypes = { float32: 1, int64: 7 } as const

/**
 * Returns the sizes of a shape, which must be known.
 * @throws InverseFormError `invalid-argument` for symbolic sizes
 */
export function sizesOf(shape: Shape): readonly number[] {
  if (shape.every((dim) => typeof dim === 'number')) return shape
  throw new InverseFormError('invalid-argument', `The sizes ${formatShape(shape)} must be known numbers.`, {
    hint: 'Call bindSizes on the graph first, such as with { N: 1, H: 512, W: 1024 }.',
  })
}

export function mismatch(operator: string, shapes: readonly Shape[], why: string): InverseFormError {
  return new InverseFormError(
    'size-mismatch',
    `The shapes ${shapes.map(formatShape).join(' and ')} do not fit ${operator}: ${why}.`,
  )
}

export function checkRank(operator: string, shapes: readonly Shape[], index: number, rank: number): void {
  if (shapes[index].length !== rank) {
    throw mismatch(operator, shapes, `input ${index} must have ${rank} axes`)
  }
}
