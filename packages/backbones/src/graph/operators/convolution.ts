import { type Shape, sameDim, sameShape, windowDim } from '../dim.js'
import { constantOf, scalar } from '../leaves.js'
import type { Value, ValueOf } from '../value.js'
import { type Apply, checkRank, mismatch, type Operator, sizesOf } from './operator.js'
import { swapLast } from './products.js'

type Pair = readonly [number, number]

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

/** With stride 1, a convolution with flipped filters is faster than a transposed one. */
function inputGradient(apply: Apply, { inputs, attributes }: ValueOf<'conv2d'>, gradient: Value): Value {
  const [x, weight] = inputs
  const { stride, padding } = attributes
  const kernel = sizesOf(weight.shape.slice(2)) as Pair
  const back = kernel.map((size, axis) => size - 1 - padding[axis]) as unknown as Pair
  if (stride.every((step) => step === 1) && back.every((size) => size >= 0)) {
    return apply('conv2d', [gradient, flipped(apply, weight)], { stride, padding: back })
  }
  const outputPadding = sizesOf(x.shape.slice(2)).map(
    (size, axis) => (size + 2 * padding[axis] - kernel[axis]) % stride[axis],
  ) as unknown as Pair
  return apply('convTranspose2d', [gradient, weight], { stride, padding, outputPadding })
}

/** Returns filters [K,C,kh,kw] as [C,K,kh,kw], turned by half a turn. */
function flipped(apply: Apply, weight: Value): Value {
  const [outputs, inputs, height, width] = sizesOf(weight.shape)
  const taps = height * width
  const swapped = (x: Value) => apply('transpose', [x], { permutation: [1, 0, 2] })
  const flat = swapped(apply('reshape', [weight], { shape: [outputs, inputs, taps] }))
  // A product with a permutation is faster than a Gather.
  const turned = taps === 1 ? flat : apply('matmul', [flat, reversal(taps)], {})
  return apply('reshape', [turned], { shape: [inputs, outputs, height, width] })
}

function reversal(size: number): Value {
  const matrix = new Float32Array(size * size)
  for (let i = 0; i < size; i++) matrix[i * size + size - 1 - i] = 1
  return constantOf(`reversal.${size}`, [size, size], matrix)
}

/**
 * Multiplies, for each tap of the filter, the gradient with the input that the tap saw. The input is moved along x and the gradient
 * along y, which takes a copy per row and column of the filter, instead of one per tap.
 */
function weightGradient(apply: Apply, { inputs, attributes }: ValueOf<'conv2d'>, gradient: Value): Value {
  const [x, weight] = inputs
  const { stride, padding } = attributes
  const [outputs, channels, kernelHeight, kernelWidth] = sizesOf(weight.shape)
  const [images, , height, width] = sizesOf(gradient.shape)
  const rows = tapsOf(kernelHeight, stride[0], padding[0])
  const columns = tapsOf(kernelWidth, stride[1], padding[1])
  const phases = new Map<string, Value>()
  const phase = (row: number, column: number) => {
    const key = `${row} ${column}`
    const map = phases.get(key) ?? everyNth(apply, x, [row, column], stride)
    phases.set(key, map)
    return map
  }
  // Both get the height of the input's phase and the width of the gradient.
  const gradientAt = (row: Tap) => {
    const rest = sizesOf(phase(row.phase, columns[0].phase).shape)[2] - height - row.shift
    return moved(apply, gradient, [row.shift, 0], [rest, 0])
  }
  const inputAt = (row: Tap, column: Tap) => {
    const map = phase(row.phase, column.phase)
    return moved(apply, map, [0, -column.shift], [0, width - sizesOf(map.shape)[3] + column.shift])
  }
  const asMatrices = (map: Value) => {
    const [, mapChannels, mapHeight, mapWidth] = sizesOf(map.shape)
    return apply('reshape', [map], { shape: [images, mapChannels, mapHeight * mapWidth] })
  }
  /** Sums over pixels: [N,K,H,W] and [N,C,H,W] to [N,K,C]. */
  const products = (a: Value, b: Value) =>
    apply('matmul', [asMatrices(a), swapLast(apply, asMatrices(b))], {})
  const sumOfImages = (x: Value) =>
    images === 1
      ? apply('reshape', [x], { shape: sizesOf(x.shape.slice(1)) })
      : apply('reduceSum', [x], { axes: [0], keepDims: false })
  const joined = (maps: readonly Value[], axis: number) =>
    maps.length === 1 ? maps[0] : apply('concat', maps, { axis })
  if (stride[0] !== 1 || stride[1] !== 1) {
    const all = rows.flatMap((row) => {
      const of = gradientAt(row)
      return columns.map((column) =>
        apply('reshape', [products(of, inputAt(row, column))], { shape: [images, outputs, channels, 1] }),
      )
    })
    return apply('reshape', [sumOfImages(joined(all, 3))], { shape: sizesOf(weight.shape) })
  }
  // One product for all rows or columns, of which the smaller maps are stacked.
  const gradients = rows.map(gradientAt)
  const seen = columns.map((column) => inputAt(rows[0], column))
  if (outputs <= channels) {
    const stack = joined(gradients, 1)
    const shape = [images, kernelHeight, outputs, channels, 1]
    const all = seen.map((map) => apply('reshape', [products(stack, map)], { shape }))
    return apply('transpose', [sumOfImages(joined(all, 4))], { permutation: [1, 2, 0, 3] })
  }
  const stack = joined(seen, 1)
  const shape = [images, outputs, kernelWidth, channels, 1]
  const all = gradients.map((map) => apply('reshape', [products(map, stack)], { shape }))
  return apply('transpose', [sumOfImages(joined(all, 4))], { permutation: [0, 2, 3, 1] })
}

/** Where a tap of a filter reads: output i sees element `i + shift` of the input's phase, which is every n-th element from `phase`. */
interface Tap {
  readonly phase: number
  readonly shift: number
}

function tapsOf(kernel: number, stride: number, padding: number): readonly Tap[] {
  return Array.from({ length: kernel }, (_, tap) => {
    const shift = Math.floor((tap - padding) / stride)
    return { phase: tap - padding - shift * stride, shift }
  })
}

function everyNth(apply: Apply, x: Value, [row, column]: Pair, step: Pair): Value {
  if (step[0] === 1 && step[1] === 1) return x
  const [images, channels, height, width] = sizesOf(x.shape)
  return apply('slice', [x], {
    begin: [0, 0, row, column],
    size: [images, channels, Math.ceil((height - row) / step[0]), Math.ceil((width - column) / step[1])],
    step: [1, 1, ...step],
  })
}

/** Adds rows and columns of zeros, or cuts off where a number is negative. */
function moved(apply: Apply, x: Value, before: Pair, after: Pair): Value {
  if ([...before, ...after].every((size) => size === 0)) return x
  return apply('pad', [x], { before: [0, 0, ...before], after: [0, 0, ...after] })
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
      const rest = apply('batchNorm', [centered(), ...parameters], { epsilon: 0 })
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

/** What the gradients of a normalization consist of; all but `centered` are [C]. */
function normGradients(
  apply: Apply,
  { inputs, attributes: { epsilon } }: ValueOf<'batchNorm' | 'batchNormTraining'>,
  gradient: Value,
) {
  const [x, scale, , mean, variance] = inputs
  const once = <T>(make: () => T) => {
    let made: T | undefined
    return () => {
      made ??= make()
      return made
    }
  }
  const sum = (map: Value) => apply('reduceSum', [map], { axes: [0, 2, 3], keepDims: false })
  const wide = apply('reshape', [mean], { shape: [1, sizesOf(mean.shape)[0], 1, 1] })
  const centered = once(() => apply('subtract', [x, wide], {}))
  const precision = apply('divide', [scalar(1), apply('add', [variance, scalar(epsilon)], {})], {})
  const inverse = apply('sqrt', [precision], {})
  const products = once(() => sum(apply('multiply', [gradient, centered()], {})))
  return {
    centered,
    /** 1 / (variance + epsilon) */
    precision,
    /** The derivative of the output by the input, with fixed statistics. */
    slope: apply('multiply', [scale, inverse], {}),
    /** Sums of gradient · centered. */
    products,
    scaleGradient: once(() => apply('multiply', [products(), inverse], {})),
    shiftGradient: once(() => sum(gradient)),
  }
}
