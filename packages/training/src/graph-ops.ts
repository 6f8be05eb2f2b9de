import * as graph from '@inverseform/backbones/graph'
import type { SortOps, TensorOps } from '@inverseform/core'
import { InverseFormError } from '@inverseform/errors'
import type { ConstantSource } from './tape.js'

type Value = graph.Value

/**
 * Binds the losses of `@inverseform/core` to values of a graph. A loss adds its operators to the graph once. The arrays that it
 * computes from labels on the way go to a tape, which feeds them at every step (see {@link Tape}).
 */
export function graphOps(tape: ConstantSource): TensorOps<Value> & SortOps<Value> {
  const operand = (x: Value | number) => (typeof x === 'number' ? tape.constant([x], []) : x)
  const axesOf = (x: Value, axes?: readonly number[]) => axes ?? x.shape.map((_, axis) => axis)
  const binary = (of: (a: Value, b: Value) => Value) => (a: Value, b: Value | number) => of(a, operand(b))
  const take =
    (of: (x: Value, indices: Value, axis: number) => Value) =>
    (x: Value, indices: Int32Array, axis: number) => {
      const shape = sizes(x).filter((_, i) => i !== axis)
      return of(x, tape.constant(indices, shape), axis)
    }
  return {
    constant: (data, shape) => tape.constant(data, shape),
    shape: sizes,
    stopGradient: graph.stopGradient,
    add: binary(graph.add),
    subtract: binary(graph.subtract),
    multiply: binary(graph.multiply),
    divide: binary(graph.divide),
    maximum: binary(graph.maximum),
    greater: binary(graph.greater),
    abs: graph.abs,
    exp: graph.exp,
    log: graph.log,
    sqrt: graph.sqrt,
    sigmoid: graph.sigmoid,
    arctan: graph.arctan,
    matmul: (a, b, { transposeA = false, transposeB = false } = {}) =>
      graph.matmul(transposeA ? swapLast(a) : a, transposeB ? swapLast(b) : b),
    reshape: (x, shape) => (same(sizes(x), shape) ? x : graph.reshape(x, shape)),
    transpose: (x, axes) => graph.transpose(x, ...axes),
    slice: (x, begin, size) => graph.slice(x, begin, size),
    concat: (xs, axis) => (xs.length === 1 ? xs[0] : graph.concat(xs, axis)),
    sum: (x, axes, keepDims = false) => summed(x, axesOf(x, axes), keepDims),
    max: (x, axes, keepDims = false) => reduced(graph.reduceMax, x, axesOf(x, axes), keepDims),
    takeAlongAxis: take(graph.takeAlongAxis),
    descendingSums: (keys, values) => {
      const fixed = graph.stopGradient(keys)
      return values.map((value) => graph.descendingSum(fixed, graph.stopGradient(value)))
    },
  }
}

/** Returns the sizes of a value, which must be numbers: losses prepare labels for known sizes. */
function sizes({ shape }: Value): readonly number[] {
  if (shape.every((size) => typeof size === 'number')) return shape
  throw new InverseFormError(
    'invalid-argument',
    `A loss needs known sizes, got ${graph.formatShape(shape)}.`,
    { hint: 'Call bindSizes on the graph first, such as with { N: 1, H: 512, W: 1024 }.' },
  )
}

function reduced(
  reduce: (x: Value, axes: readonly number[], keepDims: boolean) => Value,
  x: Value,
  axes: readonly number[],
  keepDims: boolean,
): Value {
  return axes.length === 0 ? x : reduce(x, axes, keepDims)
}

/** Sums the innermost axis first: sums of partial sums lose fewer digits than one long sum. */
function summed(x: Value, axes: readonly number[], keepDims: boolean): Value {
  if (axes.length < 2) return reduced(graph.reduceSum, x, axes, keepDims)
  const last = Math.max(...axes)
  const others = axes.filter((axis) => axis !== last)
  return graph.reduceSum(graph.reduceSum(x, [last], keepDims), others, keepDims)
}

function swapLast(x: Value): Value {
  const rank = x.shape.length
  return graph.transpose(x, ...x.shape.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis)))
}

const same = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((size, axis) => size === b[axis])
