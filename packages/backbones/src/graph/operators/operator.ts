import { InverseFormError } from '@inverseform/errors'
import { formatShape, type Shape } from '../dim.js'
import type { OperatorAttributes, OperatorName } from '../value.js'

/** Where an operator writes itself as ONNX nodes. Tensors are known by name. */
export interface OnnxEmitter {
  /** Adds a node with one output and returns that output's name. */
  node(type: string, inputs: readonly string[], attributes?: Readonly<Record<string, OnnxAttribute>>): string
  /** A constant int64 vector. */
  int64(values: readonly number[]): string
  /** The sizes of a tensor's axes from `start` up to `end`, as an int64 vector. */
  sizes(tensor: string, start: number, end?: number): string
}

export type OnnxAttribute = number | { readonly float: number } | string | readonly number[]

/** All that the project knows of an operator. */
export interface Operator<K extends OperatorName> {
  /** The output's shape; throws `size-mismatch` when the inputs do not fit. */
  readonly infer: (inputs: readonly Shape[], attributes: OperatorAttributes[K]) => Shape
  /** Emits the operator over its inputs' names and returns the output's name. */
  readonly emit: (
    emitter: OnnxEmitter,
    inputs: readonly string[],
    attributes: OperatorAttributes[K],
  ) => string
}

export function mismatch(operator: string, shapes: readonly Shape[], why: string): InverseFormError {
  return new InverseFormError(
    'size-mismatch',
    `The shapes ${shapes.map(formatShape).join(' and ')} do not fit ${operator}: ${why}.`,
  )
}

export function requireRank(operator: string, shapes: readonly Shape[], index: number, rank: number): void {
  if (shapes[index].length !== rank) {
    throw mismatch(operator, shapes, `input ${index} must have ${rank} axes`)
  }
}
