import type { ComputedName, Value, ValueOf } from '../value.js'
import * as convolution from './convolution.js'
import * as elementwise from './elementwise.js'
import * as indexing from './indexing.js'
import * as layout from './layout.js'
import type { OnnxEmitter, Operator } from './operator.js'
import { linear, matmul } from './products.js'
import * as quantization from './quantization.js'
import * as reductions from './reductions.js'

export const operators: { readonly [K in ComputedName]: Operator<K> } = {
  ...convolution,
  ...elementwise,
  ...indexing,
  ...layout,
  ...quantization,
  ...reductions,
  linear,
  matmul,
}

/** Creates a value of an operator and infers its shape. */
export function apply<K extends ComputedName>(
  op: K,
  inputs: readonly Value[],
  attributes: ValueOf<K>['attributes'],
): Value {
  const shape = operators[op].infer(
    inputs.map((input) => input.shape),
    attributes,
  )
  return { op, inputs, attributes, shape } as Value
}

/** Returns the same operator with other inputs. */
export function withInputs(value: Value, inputs: readonly Value[]): Value {
  if (value.op === 'input' || value.op === 'constant') return value
  return apply(value.op, inputs, value.attributes)
}

/** Emits a value as ONNX nodes and returns the output's name. */
export function emitOnnx(emitter: OnnxEmitter, value: Value, inputs: readonly string[]): string {
  const operator = operators[value.op as ComputedName] as Operator<ComputedName>
  return operator.emit(emitter, inputs, value.attributes as never)
}
