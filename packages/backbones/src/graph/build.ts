import { type Shape, symbol } from './dim.js'
import { apply } from './operators/index.js'
import type { Value } from './value.js'

/** Adds an input of the graph. */
export const input = (name: string, shape: Shape): Value => ({
  op: 'input',
  inputs: [],
  attributes: { name },
  shape,
})

/** Adds an input for a batch of images [N, channels, H, W]. */
export const imageInput = (name: string, channels: number): Value =>
  input(name, [symbol('N'), channels, symbol('H'), symbol('W')])

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

export interface Conv2dOptions {
  readonly stride?: number
  readonly padding?: number
}

export function conv2d(
  x: Value,
  weight: Value,
  bias?: Value,
  { stride = 1, padding = 0 }: Conv2dOptions = {},
): Value {
  return apply('conv2d', bias ? [x, weight, bias] : [x, weight], {
    stride: [stride, stride],
    padding: [padding, padding],
  })
}

export interface NormParameters {
  readonly scale: Value
  readonly shift: Value
  readonly mean: Value
  readonly variance: Value
}

/** What PyTorch adds to a variance before it takes the square root. */
export const BATCH_NORM_EPSILON = 1e-5

export const batchNorm = (x: Value, p: NormParameters, epsilon = BATCH_NORM_EPSILON): Value =>
  apply('batchNorm', [x, p.scale, p.shift, p.mean, p.variance], { epsilon })
export const relu = (x: Value): Value => apply('relu', [x], {})
export const sigmoid = (x: Value): Value => apply('sigmoid', [x], {})
export const add = (a: Value, b: Value): Value => apply('add', [a, b], {})
export const multiply = (a: Value, b: Value): Value => apply('multiply', [a, b], {})
export const concat = (values: readonly Value[], axis: number): Value => apply('concat', values, { axis })
export const resizeLike = (x: Value, like: Value): Value => apply('resizeLike', [x, like], {})
export const flattenSpatial = (x: Value): Value => apply('flattenSpatial', [x], {})
export const unflattenSpatialLike = (x: Value, like: Value): Value =>
  apply('unflattenSpatialLike', [x, like], {})
export const unsqueeze = (x: Value, axis: number): Value => apply('unsqueeze', [x], { axis })
export const transpose = (x: Value, ...permutation: number[]): Value =>
  apply('transpose', [x], { permutation })
export const matmul = (a: Value, b: Value): Value => apply('matmul', [a, b], {})
export const softmax = (x: Value, axis: number): Value => apply('softmax', [x], { axis })
export const linear = (x: Value, weight: Value, bias: Value): Value => apply('linear', [x, weight, bias], {})
