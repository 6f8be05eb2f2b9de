import { symbol } from './dim.js'
import { input } from './leaves.js'
import { apply } from './operators/index.js'
import type { Value } from './value.js'

export { constant, input } from './leaves.js'

/** Adds an input for a batch of images [N, channels, H, W]. */
export const imageInput = (name: string, channels: number): Value =>
  input(name, [symbol('N'), channels, symbol('H'), symbol('W')])

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

/** A training-time batch normalization, with the batch's statistics as outputs of their own. */
export interface TrainingNorm {
  readonly output: Value
  /** Mean and biased variance of each channel over images, rows and columns. */
  readonly mean: Value
  readonly variance: Value
}

export function batchNormTraining(x: Value, scale: Value, shift: Value, epsilon = 1e-5): TrainingNorm {
  const axes = x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]))
  const mean = reduceMean(x, axes)
  // Centered squares keep the digits that E[x²] − E[x]² loses. The adjoint uses the centered map too.
  const centered = subtract(x, reshape(mean, [1, x.shape[1] as number, 1, 1]))
  const variance = reduceMean(multiply(centered, centered), axes)
  return {
    output: apply('batchNormTraining', [x, scale, shift, mean, variance], { epsilon }),
    mean,
    variance,
  }
}

export const relu = (x: Value): Value => apply('relu', [x], {})
export const sigmoid = (x: Value): Value => apply('sigmoid', [x], {})
export const abs = (x: Value): Value => apply('abs', [x], {})
export const exp = (x: Value): Value => apply('exp', [x], {})
export const log = (x: Value): Value => apply('log', [x], {})
export const sqrt = (x: Value): Value => apply('sqrt', [x], {})
export const arctan = (x: Value): Value => apply('arctan', [x], {})
export const stopGradient = (x: Value): Value => apply('stopGradient', [x], {})
export const add = (a: Value, b: Value): Value => apply('add', [a, b], {})
export const subtract = (a: Value, b: Value): Value => apply('subtract', [a, b], {})
export const multiply = (a: Value, b: Value): Value => apply('multiply', [a, b], {})
export const divide = (a: Value, b: Value): Value => apply('divide', [a, b], {})
export const maximum = (a: Value, b: Value): Value => apply('maximum', [a, b], {})
export const greater = (a: Value, b: Value): Value => apply('greater', [a, b], {})
export const reduceSum = (x: Value, axes: readonly number[], keepDims = false): Value =>
  apply('reduceSum', [x], { axes, keepDims })
export const reduceMean = (x: Value, axes: readonly number[], keepDims = false): Value =>
  apply('reduceMean', [x], { axes, keepDims })
export const reduceMax = (x: Value, axes: readonly number[], keepDims = false): Value =>
  apply('reduceMax', [x], { axes, keepDims })
export const reshape = (x: Value, shape: readonly number[]): Value => apply('reshape', [x], { shape })
export const slice = (x: Value, begin: readonly number[], size: readonly number[]): Value =>
  apply('slice', [x], { begin, size })
/** `indices` are positions on `axis`, in float32, of x's shape without that axis. */
export const takeAlongAxis = (x: Value, indices: Value, axis: number): Value =>
  apply('takeAlongAxis', [x, indices], { axis })
export const descendingSum = (keys: Value, values: Value): Value =>
  apply('descendingSum', [keys, values], { axis: keys.shape.length - 1 })
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
