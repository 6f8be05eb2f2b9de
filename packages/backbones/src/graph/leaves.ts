import type { Shape } from './dim.js'
import type { Value } from './value.js'

/** Adds an input of the graph. */
export const input = (name: string, shape: Shape): Value => ({
  op: 'input',
  inputs: [],
  attributes: { name },
  shape,
})

/** Adds a weight. `load` returns its values in C order when they are needed. */
export const constant = (
  name: string,
  shape: readonly number[],
  load: () => Promise<Float32Array>,
): Value => ({
  op: 'constant',
  inputs: [],
  attributes: { name, load },
  shape,
})

/** Adds a constant of known values. */
export const constantOf = (name: string, shape: readonly number[], values: Float32Array): Value =>
  constant(name, shape, async () => values)

/** Adds a number. */
export const scalar = (value: number): Value => constantOf(String(value), [], Float32Array.of(value))
