import { product } from '@inverseform/shared'
import { constantOf } from '../leaves.js'
import type { Value, ValueOf } from '../value.js'
import { type Apply, sizesOf } from './operator.js'
import { swapLast } from './products.js'

type Pair = readonly [number, number]

/** With stride 1, a convolution with flipped filters is faster than a transposed one. */
export function inputGradient(
  apply: Apply,
  { inputs, attributes }: ValueOf<'conv2d'>,
  gradient: Value,
): Value {
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

function identity(size: number): Float32Array {
  const matrix = new Float32Array(size * size)
  for (let i = 0; i < size; i++) matrix[i * (size + 1)] = 1
  return matrix
}

/** Multiplies, for each tap of the filter, the gradient with the input that the tap saw. */
export function weightGradient(apply: Apply, of: ValueOf<'conv2d'>, gradient: Value): Value {
  const everyPixel = of.attributes.stride.every((step) => step === 1)
  return everyPixel ? productOfMoved(apply, of, gradient) : productOfPatches(apply, of, gradient)
}

/** Moves the input along x and the gradient along y, which takes a copy per row and column of the filter, instead of one per tap. */
function productOfMoved(apply: Apply, { inputs, attributes }: ValueOf<'conv2d'>, gradient: Value): Value {
  const [x, weight] = inputs
  const [padY, padX] = attributes.padding
  const [rows, columns] = sizesOf(weight.shape.slice(2))
  const [height, width] = sizesOf(x.shape.slice(2))
  const [outputHeight, outputWidth] = sizesOf(gradient.shape.slice(2))
  // Both get the height of the input and the width of the gradient.
  const gradients = Array.from({ length: rows }, (_, row) => {
    const shift = row - padY
    return moved(apply, gradient, [shift, 0], [height - outputHeight - shift, 0])
  })
  const seen = Array.from({ length: columns }, (_, column) => {
    const shift = column - padX
    return moved(apply, x, [0, -shift], [0, outputWidth - width + shift])
  })
  return productOfStacks(apply, gradients, seen)
}

/**
 * Copies the input once per tap, by a convolution that picks an element each, for one product. Where the filter skips pixels, the copies
 * are small, and strided slices are slower.
 */
function productOfPatches(
  apply: Apply,
  { inputs, attributes: { stride, padding } }: ValueOf<'conv2d'>,
  gradient: Value,
): Value {
  const [x, weight] = inputs
  const [images, channels, ...size] = sizesOf(x.shape)
  const [outputs, , ...kernel] = sizesOf(weight.shape)
  const taps = product(kernel)
  const planes = apply('reshape', [x], { shape: [images * channels, 1, ...size] })
  const picks = constantOf(`taps.${kernel}`, [taps, 1, ...kernel], identity(taps))
  const seen = apply('conv2d', [planes, picks], { stride, padding })
  const pixels = product(sizesOf(gradient.shape.slice(2)))
  const patches = apply('reshape', [seen], { shape: [images, channels * taps, pixels] })
  const of = apply('reshape', [gradient], { shape: [images, outputs, pixels] })
  const products = apply('matmul', [of, swapLast(apply, patches)], {})
  return apply('reshape', [sumOfImages(apply, products)], { shape: sizesOf(weight.shape) })
}

/**
 * Multiplies each gradient, of a row of the filter, with each input, of a column: to [K,C,rows,columns]. The smaller maps are stacked, so
 * that there is one product per column or row.
 */
function productOfStacks(apply: Apply, gradients: readonly Value[], seen: readonly Value[]): Value {
  const [images, outputs] = sizesOf(gradients[0].shape)
  const channels = sizesOf(seen[0].shape)[1]
  const isByColumn = outputs <= channels
  const stack = joined(apply, isByColumn ? gradients : seen, 1)
  const shape = isByColumn
    ? [images, gradients.length, outputs, channels, 1]
    : [images, outputs, seen.length, channels, 1]
  const products = (isByColumn ? seen : gradients).map((map) => {
    const product = isByColumn ? sumsOfProducts(apply, stack, map) : sumsOfProducts(apply, map, stack)
    return apply('reshape', [product], { shape })
  })
  const sum = sumOfImages(apply, joined(apply, products, 4))
  return apply('transpose', [sum], { permutation: isByColumn ? [1, 2, 0, 3] : [0, 2, 3, 1] })
}

/** Sums over pixels: [N,K,H,W] and [N,C,H,W] to [N,K,C]. */
function sumsOfProducts(apply: Apply, a: Value, b: Value): Value {
  const asMatrix = (map: Value) => {
    const [images, channels, height, width] = sizesOf(map.shape)
    return apply('reshape', [map], { shape: [images, channels, height * width] })
  }
  return apply('matmul', [asMatrix(a), swapLast(apply, asMatrix(b))], {})
}

function sumOfImages(apply: Apply, x: Value): Value {
  const [images, ...shape] = sizesOf(x.shape)
  return images === 1
    ? apply('reshape', [x], { shape })
    : apply('reduceSum', [x], { axes: [0], keepDims: false })
}

const joined = (apply: Apply, maps: readonly Value[], axis: number): Value =>
  maps.length === 1 ? maps[0] : apply('concat', maps, { axis })

/** Adds rows and columns of zeros, or cuts off where a number is negative. */
function moved(apply: Apply, x: Value, before: Pair, after: Pair): Value {
  if ([...before, ...after].every((size) => size === 0)) return x
  return apply('pad', [x], { before: [0, 0, ...before], after: [0, 0, ...after] })
}
