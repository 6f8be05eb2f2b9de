import { type Shape, sameDim, sameShape, windowDim } from '../dim.js'
import { constantOf, scalar } from '../leaves.js'
import type { Value, ValueOf } from '../value.js'
import { inputGradient, weightGradient } from './convolution-gradients.js'
import { type Apply, checkRank, mismatch, type Operator, sizesOf } from './operator.js'

export const conv2d: Operator<'conv2d'> = {
  infer(inputs, { stride, padding }) {
    const [x, weight, bias] = inputs
    checkRank('conv2d', inputs, 0, 4)
    checkRank('conv2d', inputs, 1, 4)
    if (!sameDim(x[1], weight[1])) throw mismatch('conv2d', inputs, 'the channels differ')
    if (bias && (bias.length !== 1 || !sameDim(bias[0], weight[0]))) {
      throw mismatch('conv2d', inputs, 'the bias must have one value per output channel')
    }
    const size = (axis: 0 | 1) =>
      windowDim(x[2 + axis], weight[2 + axis] as number, stride[axis], 2 * padding[axis])
    return [x[0], weight[0], size(0), size(1)]
  },
  emit: (emitter, inputs, { stride, padding }) =>
    emitter.node('Conv', inputs, { strides: stride, pads: [...padding, ...padding] }),
  adjoint(apply, value, gradient) {
    // Multiplying weights by a factor per channel is cheaper than multiplying maps.
    const [map, factors] = withoutFactors(gradient)
    const scaled = (of: Value, shape: readonly number[]) =>
      factors ? apply('multiply', [of, apply('reshape', [factors], { shape })], {}) : of
    const channels = sizesOf(value.shape)[1]
    const [x, weight, ...bias] = value.inputs
    return [
      () => {
        const inputs = [x, scaled(weight, [channels, 1, 1, 1]), ...bias]
        return inputGradient(apply, { ...value, inputs }, map)
      },
      () => scaled(weightGradient(apply, value, map), [channels, 1, 1, 1]),
      () => scaled(apply('reduceSum', [map], { axes: [0, 2, 3], keepDims: false }), [channels]),
    ]
  },
}

export const pointwise: Operator<'pointwise'> = {
  infer(inputs) {
    checkRank('pointwise', inputs, 0, 3)
    checkRank('pointwise', inputs, 1, 3)
    const [[images, channels, pixels], weight] = inputs
    if (!sameDim(channels, weight[1])) throw mismatch('pointwise', inputs, 'the channels differ')
    return [images, weight[0], pixels]
  },
  emit: (emitter, inputs) => emitter.node('Conv', inputs),
}

export const convTranspose2d: Operator<'convTranspose2d'> = {
  infer(inputs, { stride, padding, outputPadding }) {
    const [x, weight] = inputs
    checkRank('convTranspose2d', inputs, 0, 4)
    checkRank('convTranspose2d', inputs, 1, 4)
    if (!sameDim(x[1], weight[0])) throw mismatch('convTranspose2d', inputs, 'the channels differ')
    const [height, width] = sizesOf(x.slice(2)).map(
      (size, axis) =>
        (size - 1) * stride[axis] - 2 * padding[axis] + (weight[2 + axis] as number) + outputPadding[axis],
    )
    return [x[0], weight[1], height, width]
  },
  emit: (emitter, inputs, { stride, padding, outputPadding }) =>
    emitter.node('ConvTranspose', inputs, {
      strides: stride,
      pads: [...padding, ...padding],
      output_padding: outputPadding,
    }),
}

/** Splits a map that was multiplied by factors [1,C,1,1]. */
function withoutFactors(gradient: Value): readonly [map: Value, factors?: Value] {
  if (gradient.op !== 'multiply') return [gradient]
  const [map, factors] = gradient.inputs
  const isPerChannel =
    factors.shape.length === 4 && factors.shape.every((size, axis) => axis === 1 || size === 1)
  return isPerChannel && sameShape(map.shape, gradient.shape) ? [map, factors] : [gradient]
}

function checkNorm(operator: string, inputs: readonly Shape[]): Shape {
  const [x, ...parameters] = inputs
  if (parameters.length !== 4 || parameters.some((p) => p.length !== 1 || !sameDim(p[0], x[1]))) {
    throw mismatch(operator, inputs, 'scale, shift, mean and variance must have one value per channel')
  }
  return x
}

export const batchNorm: Operator<'batchNorm'> = {
  infer: (inputs) => checkNorm('batchNorm', inputs),
  emit: (emitter, inputs, { epsilon }) =>
    emitter.node('BatchNormalization', inputs, { epsilon: { float: epsilon } }),
  adjoint: (apply, value, gradient) => {
    const { slope, scaleGradient, shiftGradient } = normGradients(apply, value, gradient)
    return [() => multipliedBy(apply, gradient, slope), scaleGradient, shiftGradient, undefined, undefined]
  },
}

export const batchNormTraining: Operator<'batchNormTraining'> = {
  infer: (inputs) => checkNorm('batchNormTraining', inputs),
  // The inference form with the batch's own statistics. ONNX Runtime's training mode overwrites its inputs.
  emit: batchNorm.emit as Operator<'batchNormTraining'>['emit'],
  adjoint: (apply, value, gradient) => {
    const { shape } = value
    const { centered, slope, precision, products, scaleGradient, shiftGradient } = normGradients(
      apply,
      value,
      gradient,
    )
    const inputGradient = () => {
      // slope · (gradient − mean(gradient) − centered · precision · mean(gradient · centered)). A normalization computes the last
      // two terms in one pass.
      const [images, channels, height, width] = sizesOf(shape)
      const share = scalar(-1 / (images * height * width))
      const mean = (sum: Value) => apply('multiply', [sum, share], {})
      const vector = (name: string, value: number) =>
        constantOf(`${name}.${channels}`, [channels], new Float32Array(channels).fill(value))
      const scale = apply('multiply', [mean(products()), precision], {})
      const parameters = [scale, mean(shiftGradient()), vector('zeros', 0), vector('ones', 1)]
      const rest = apply('batchNorm', [centered, ...parameters], { epsilon: 0 })
      return multipliedBy(apply, apply('add', [gradient, rest], {}), slope)
    }
    return [inputGradient, scaleGradient, shiftGradient, undefined, undefined]
  },
}

/** Multiplies a map by a factor [C] for each channel. */
function multipliedBy(apply: Apply, map: Value, factors: Value): Value {
  const perChannel = apply('reshape', [factors], { shape: [1, sizesOf(factors.shape)[0], 1, 1] })
  return apply('multiply', [map, perChannel], {})
}

/** What the gradients of a normalization consist of; all but `centered` are [C]. `shareValues` joins what is made twice. */
function normGradients(
  apply: Apply,
  { inputs, attributes: { epsilon } }: ValueOf<'batchNorm' | 'batchNormTraining'>,
  gradient: Value,
) {
  const [x, scale, , mean, variance] = inputs
  const sum = (map: Value) => apply('reduceSum', [map], { axes: [0, 2, 3], keepDims: false })
  const wide = apply('reshape', [mean], { shape: [1, sizesOf(mean.shape)[0], 1, 1] })
  const centered = apply('subtract', [x, wide], {})
  const precision = apply('divide', [scalar(1), apply('add', [variance, scalar(epsilon)], {})], {})
  const inverse = apply('sqrt', [precision], {})
  const products = () => sum(apply('multiply', [gradient, centered], {}))
  return {
    centered,
    /** 1 / (variance + epsilon) */
    precision,
    /** The derivative of the output by the input, with fixed statistics. */
    slope: apply('multiply', [scale, inverse], {}),
    /** Sums of gradient · centered. */
    products,
    scaleGradient: () => apply('multiply', [products(), inverse], {}),
    shiftGradient: () => sum(gradient),
  }
}
