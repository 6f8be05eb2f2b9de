import { constant, input, type Value } from '@inverseform/backbones/graph'
import { InverseFormError } from '@inverseform/errors'

/** Turns arrays into values of a graph. */
export interface ConstantSource {
  constant(data: ArrayLike<number>, shape: readonly number[]): Value
}

/** An array with its shape. */
export interface StepTensor {
  readonly data: Float32Array
  readonly shape: readonly number[]
}

/** Returns a source of constants of the graph, whose names start with `name`. */
export function fixedConstants(name: string): ConstantSource {
  let count = 0
  return {
    constant(data, shape) {
      const values = float32(data)
      return constant(`${name}.${count++}`, shape, async () => values)
    },
  }
}

/**
 * The arrays and numbers that a loss computes outside the graph: label-dependent ones, such as weights and one-hot maps, and fixed
 * ones, such as interpolation weights.
 *
 * A loss is written once, for values of a graph, and computes these arrays as it builds the graph. For later labels it runs
 * again, and only its arrays are kept: the n-th array of one run takes the place of the n-th of another. Arrays that differ
 * between runs become inputs of the graph, the others are constants of it (docs/decisions/027-losses-on-the-graph.md).
 */
export class Tape implements ConstantSource {
  readonly entries: StepTensor[] = []
  readonly #varying: ReadonlySet<number>

  /** @param varying the positions of the arrays that are inputs of the graph */
  constructor(varying: ReadonlySet<number> = new Set()) {
    this.#varying = varying
  }

  constant(data: ArrayLike<number>, shape: readonly number[]): Value {
    const position = this.entries.length
    const values = float32(data)
    this.entries.push({ data: values, shape })
    if (this.#varying.has(position)) return input(inputName(position), shape)
    return constant(`loss.${position}`, shape, async () => values)
  }

  /** Returns the positions, except the varying ones, at which two runs of a loss computed different arrays. */
  differences(other: Tape): Set<number> {
    const fits = this.entries.length === other.entries.length
    if (!fits || !this.entries.every(({ shape }, i) => String(shape) === String(other.entries[i].shape))) {
      throw new InverseFormError(
        'invalid-argument',
        'The loss does not do the same operations for all labels.',
        { hint: 'Use a loss whose operations and sizes do not depend on the values of its labels.' },
      )
    }
    const positions = this.entries.map((_, i) => i).filter((i) => !this.#varying.has(i))
    return new Set(positions.filter((i) => !equal(this.entries[i].data, other.entries[i].data)))
  }

  /** Returns the arrays for the graph's inputs, by name. */
  feeds(): Record<string, StepTensor> {
    return Object.fromEntries([...this.#varying].map((at) => [inputName(at), this.entries[at]]))
  }
}

const inputName = (position: number) => `loss.${position}`

const float32 = (data: ArrayLike<number>) => (data instanceof Float32Array ? data : new Float32Array(data))

function equal(a: Float32Array, b: Float32Array): boolean {
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false
  }
  return true
}
