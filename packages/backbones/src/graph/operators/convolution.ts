import { type Shape, sameDim, windowDim } from '../dim.js'
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
  adjoint: (apply, value, gradient) => [
    () => inputGradient(apply, value, gradient),
    () => weightGradient(apply, value, gradient),
    () => apply('reduceSum', [gradient], { axes: [0, 2, 3], keepDims: false }),
  ],
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
 * Multiplies, for each tap of the filter, the gradient with the input that the tap saw. With stride 1, rows of both are padded
 * to the same width, so that the input of every tap is one contiguous block.
 */
function weightGradient(apply: Apply, { inputs, attributes }: ValueOf<'conv2d'>, gradient: Value): Value {
  const [x, weight] = inputs
  const [outputs, channels, kernelHeight, kernelWidth] = sizesOf(weight.shape)
  const [images, , height, width] = sizesOf(gradient.shape)
  const { stride, padding } = attributes
  const padded = padImage(apply, x, padding, padding)
  const [, , paddedHeight, paddedWidth] = sizesOf(padded.shape)
  const isDense = stride.every((step) => step === 1)
  const flat = (map: Value, length: number) =>
    apply('reshape', [map], { shape: [images, sizesOf(map.shape)[1], length] })

  let rows: Value
  let tap: (y: number, x: number) => Value
  if (isDense) {
    const length = height * paddedWidth - (kernelWidth - 1)
    const wide = padImage(apply, gradient, [0, 0], [0, kernelWidth - 1])
    rows = cut(apply, flat(wide, height * paddedWidth), 0, length)
    const pixels = flat(padded, paddedHeight * paddedWidth)
    tap = (y, x) => cut(apply, pixels, y * paddedWidth + x, length)
  } else {
    rows = flat(gradient, height * width)
    tap = (y, x) => {
      const block = { begin: [0, 0, y, x], size: [images, channels, height, width], step: [1, 1, ...stride] }
      return flat(apply('slice', [padded], block), height * width)
    }
  }
  const taps: Value[] = []
  for (let y = 0; y < kernelHeight; y++) {
    for (let x = 0; x < kernelWidth; x++) {
      const products = apply('matmul', [rows, swapLast(apply, tap(y, x))], {})
      const sum = apply('reduceSum', [products], { axes: [0], keepDims: false })
      taps.push(apply('reshape', [sum], { shape: [outputs, channels, 1] }))
    }
  }
  const all = taps.length === 1 ? taps[0] : apply('concat', taps, { axis: 2 })
  return apply('reshape', [all], { shape: sizesOf(weight.shape) })
}

function padImage(apply: Apply, x: Value, before: Pair, after: Pair): Value {
  if ([...before, ...after].every((size) => size === 0)) return x
  return apply('pad', [x], { before: [0, 0, ...before], after: [0, 0, ...after] })
}

/** Returns `length` elements of the last of three axes. */
function cut(apply: Apply, x: Value, start: number, length: number): Value {
  const [images, channels, size] = sizesOf(x.shape)
  if (start === 0 && length === size) return x
  return apply('slice', [x], { begin: [0, 0, start], size: [images, channels, length] })
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
  adjoint: (apply, { inputs, attributes }, gradient) => {
    const statistics = normStatistics(apply, inputs, attributes.epsilon)
    return [
      () => apply('multiply', [gradient, statistics.slope], {}),
      ...parameterGradients(apply, gradient, statistics),
      undefined,
      undefined,
    ]
  },
}

export const batchNormTraining: Operator<'batchNormTraining'> = {
  infer: (inputs) => checkNorm('batchNormTraining', inputs),
  // The inference form with the batch's own statistics. ONNX Runtime's training mode overwrites its inputs.
  emit: (emitter, inputs, { epsilon }) =>
    emitter.node('BatchNormalization', inputs, { epsilon: { float: epsilon } }),
  adjoint: (apply, { inputs, attributes }, gradient) => {
    const [x] = inputs
    const statistics = normStatistics(apply, inputs, attributes.epsilon)
    const [images, channels, height, width] = sizesOf(x.shape)
    const share = constantOf(
      `1/${images * height * width}`,
      [],
      Float32Array.of(1 / (images * height * width)),
    )
    const times = (a: Value, b: Value) => apply('multiply', [a, b], {})
    return [
      () => {
        // slope · (gradient − mean(gradient) − normalized · mean(gradient · normalized))
        const { centered, inverse, slope } = statistics
        const perChannel = (value: Value) =>
          apply('reshape', [times(value, share)], { shape: [1, channels, 1, 1] })
        const along = times(perChannel(statistics.scaleGradient(gradient)), inverse)
        const rest = apply('subtract', [gradient, times(centered, along)], {})
        const level = perChannel(statistics.shiftGradient(gradient))
        return times(apply('subtract', [rest, level], {}), slope)
      },
      ...parameterGradients(apply, gradient, statistics),
      undefined,
      undefined,
    ]
  },
}

interface NormStatistics {
  readonly centered: Value
  /** 1 / √(variance + epsilon), [1,C,1,1]. */
  readonly inverse: Value
  /** The derivative of the output by the input, with fixed statistics, [1,C,1,1]. */
  readonly slope: Value
  /** Gradients of scale and shift, [1,C,1,1]. */
  scaleGradient(gradient: Value): Value
  shiftGradient(gradient: Value): Value
}

function normStatistics(apply: Apply, inputs: readonly Value[], epsilon: number): NormStatistics {
  const [x, scale, , mean, variance] = inputs
  const channels = sizesOf(scale.shape)[0]
  const wide = (value: Value) => apply('reshape', [value], { shape: [1, channels, 1, 1] })
  const sum = (value: Value) => apply('reduceSum', [value], { axes: [0, 2, 3], keepDims: true })
  const stabilized = apply('add', [wide(variance), scalar(epsilon)], {})
  const inverse = apply('divide', [scalar(1), apply('sqrt', [stabilized], {})], {})
  const centered = apply('subtract', [x, wide(mean)], {})
  const sums = new Map<string, Value>()
  const once = (name: string, make: () => Value) => {
    const made = sums.get(name) ?? make()
    sums.set(name, made)
    return made
  }
  return {
    centered,
    inverse,
    slope: apply('multiply', [wide(scale), inverse], {}),
    scaleGradient: (gradient) =>
      once('scale', () => apply('multiply', [sum(apply('multiply', [gradient, centered], {})), inverse], {})),
    shiftGradient: (gradient) => once('shift', () => sum(gradient)),
  }
}

function parameterGradients(apply: Apply, gradient: Value, statistics: NormStatistics) {
  const flat = (value: Value) => apply('reshape', [value], { shape: [value.shape[1] as number] })
  return [() => flat(statistics.scaleGradient(gradient)), () => flat(statistics.shiftGradient(gradient))]
}
