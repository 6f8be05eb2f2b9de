import { InverseFormError } from '@inverseform/errors'
import { formatShape, type Shape } from '../dim.js'
import type { OperatorAttributes, OperatorName } from '../value.js'

/** Receives the ONNX nodes of operators. Tensors are identified by name. */
export interface OnnxEmitter {
  /** Adds a node with one output and returns that output's name. */
  node(type: string, inputs: readonly string[], attributes?: Readonly<Record<string, OnnxAttribute>>): string
  /** Adds a constant int64 vector and returns its name. */
  int64(values: readonly number[]): string
  /** Returns the name of an int64 vector with a tensor's sizes from axis `start` up to `end`. */
  sizes(tensor: string, start: number, end?: number): string
}

export type OnnxAttribute = number | { readonly float: number } | string | readonly number[]

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
