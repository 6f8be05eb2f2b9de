import { concat, conv2d, matmul } from '../build.js'
import { evaluateShape, type Shape } from '../dim.js'
import { TYPICAL_SIZE } from '../memory.js'
import { apply, withInputs } from '../operators/index.js'
import type { Graph, Value, ValueOf } from '../value.js'
import { cutInputChannels, isCuttable, sumInOrder, tapCutter } from './cut-weight.js'
import { rewrite } from './rewrite.js'

/**
 * Convolves small maps before they are resized, where that is faster.
 *
 * A convolution is a sum over its taps, `Σ W_d · shift_d(x)`. A bilinear resize acts on each channel, so `W_d` may come before it:
 * `Σ shift_d(up(W_d · x))`. Two products with fixed matrices, one for the rows and one for the columns, then resize, shift and add
 * all taps. Unlike `commuteResize`, this handles any odd kernel. Results agree to rounding, also at the borders.
 */
export function convolveSmall(graph: Graph): Graph {
  return rewrite(graph, (value) => {
    if (!isCuttable(value) || !keepsSize(value)) return value
    const [x, weight] = value.inputs
    if (x.op !== 'concat' || x.attributes.axis !== 1) return value
    const isMoved = (part: Value) => part.op === 'resizeLike' && pays(part, value)
    // Usually the parts become smaller, from the first to the last.
    const kept = x.inputs.findIndex(isMoved)
    if (kept < 1 || !x.inputs.slice(kept).every(isMoved)) return value
    const [, , height, width] = weight.shape as number[]
    const tap = tapCutter(weight, (x.inputs.length - kept) * height * width)
    const channels = x.inputs.map(({ shape }) => shape[1] as number)
    const startOf = (part: number) => channels.slice(0, part).reduce((a, b) => a + b, 0)
    const moved = x.inputs.slice(kept).map((part, i) => {
      const [start, end] = [startOf(kept + i), startOf(kept + i + 1)]
      return convolveThenResize(part as ValueOf<'resizeLike'>, [height, width], (row, column) =>
        tap(start, end, row, column),
      )
    })
    const large = kept === 1 ? x.inputs[0] : concat(x.inputs.slice(0, kept), 1)
    const direct = withInputs(value, [
      large,
      cutInputChannels(weight, 0, startOf(kept)),
      ...value.inputs.slice(2),
    ])
    return sumInOrder([direct, ...moved])
  })
}

function convolveThenResize(
  { inputs: [x, like] }: ValueOf<'resizeLike'>,
  [height, width]: readonly [number, number],
  tap: (row: number, column: number) => Value,
): Value {
  const rows = Array.from({ length: height }, (_, row) => {
    return joined(
      Array.from({ length: width }, (_, column) => conv2d(x, tap(row, column))),
      3,
    )
  })
  const wide = matmul(joined(rows, 2), apply('resizeWeights', [x, like], { axis: 3, window: width }))
  return matmul(apply('resizeWeights', [x, like], { axis: 2, window: height }), wide)
}

const joined = (values: readonly Value[], axis: number) =>
  values.length === 1 ? values[0] : concat(values, axis)

function keepsSize({ inputs, attributes: { stride, padding } }: ValueOf<'conv2d'>): boolean {
  const [, , ...kernel] = inputs[1].shape as number[]
  return kernel.every((size, i) => size % 2 === 1 && stride[i] === 1 && padding[i] === (size - 1) / 2)
}

/** What reading or writing an element of a map costs, in multiplications and additions of a convolution. */
const TRANSFER = 40

/** Whether a convolution costs less before the resize, per element of its output. */
function pays({ inputs: [small, like] }: ValueOf<'resizeLike'>, convolution: ValueOf<'conv2d'>): boolean {
  const [h, w] = sizes(small.shape)
  const [height, width] = sizes(like.shape)
  const [outputs, , rows, columns] = convolution.inputs[1].shape as number[]
  const channels = small.shape[1] as number
  const before = 2 * channels * rows * columns + (4 * TRANSFER * channels) / outputs
  const shrunk = (h * w) / (height * width)
  const products = (2 * rows * columns * h * w) / height + 2 * rows * h
  const maps = TRANSFER * (4 + (2 * rows * h) / height)
  return 2 * channels * rows * columns * shrunk + products + maps < before
}

function sizes(shape: Shape): readonly number[] {
  return evaluateShape(shape.slice(2), TYPICAL_SIZE)
}
