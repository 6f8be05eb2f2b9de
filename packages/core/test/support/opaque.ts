import type { ArrayTensor } from '../../src/array/index.js'
import type { Shape, TensorOps } from '../../src/index.js'

/** A tensor that hides its values, like a traced tensor. */
export class Opaque {
  readonly #tensor: ArrayTensor

  constructor(tensor: ArrayTensor) {
    this.#tensor = tensor
  }

  static open(opaque: Opaque): ArrayTensor {
    return opaque.#tensor
  }
}

/** Returns operations on tensors that hide their values. Code that runs on them can be traced. */
export function opaqueOps(ops: TensorOps<ArrayTensor>): TensorOps<Opaque> {
  const open = (value: unknown): unknown =>
    value instanceof Opaque
      ? Opaque.open(value)
      : Array.isArray(value) && value[0] instanceof Opaque
        ? value.map(open)
        : value
  const wrapped = Object.entries(ops).map(([name, operation]) => [
    name,
    (...inputs: unknown[]): Opaque | Shape => {
      const result: ArrayTensor | Shape = operation(...inputs.map(open))
      return name === 'shape' ? (result as Shape) : new Opaque(result as ArrayTensor)
    },
  ])
  return Object.fromEntries(wrapped) as TensorOps<Opaque>
}
