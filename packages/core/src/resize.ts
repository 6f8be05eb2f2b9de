import { InverseFormError } from '@inverseform/errors'
import type { TensorOps } from './ops.js'
import { shapeText, sizeMismatch } from './shape.js'

/**
 * Bilinear resizing with half-pixel centres, as PyTorch's `interpolate(mode='bilinear', align_corners=False)`, without
 * antialiasing. Two matrix products, so that any library differentiates it.
 *
 * @param x [images, channels, height, width]
 * @param size [height, width] of the result
 * @throws `size-mismatch` when x has other than four axes, or one of size 0; `invalid-argument` for a size that is not of positive integers
 */
export function resizeBilinear<T>(
  ops: TensorOps<T>,
  x: T,
  size: readonly [height: number, width: number],
): T {
  const shape = ops.shape(x)
  if (shape.length !== 4 || shape.includes(0)) {
    throw sizeMismatch(
      `A tensor of ${shapeText(shape)} was given to resize.`,
      'Give [images, channels, height, width], none of them 0.',
      { shape },
    )
  }
  if (!size.every((length) => Number.isSafeInteger(length) && length > 0)) {
    throw new InverseFormError('invalid-argument', `Resizing to ${size.join('x')} was asked for.`, {
      hint: 'Give a height and a width that are positive integers.',
      details: { size },
    })
  }
  // The matrix stays on the left, where its zeros cost least; the rows come first in both products.
  const turned = ops.transpose(interpolateRows(ops, x, shape[2]!, size[0]), [0, 1, 3, 2])
  return ops.transpose(interpolateRows(ops, turned, shape[3]!, size[1]), [0, 1, 3, 2])
}

function interpolateRows<T>(ops: TensorOps<T>, x: T, from: number, to: number): T {
  if (from === to) return x
  return ops.matmul(ops.constant(interpolationMatrix(from, to), [to, from]), x)
}

/** [to, from], in C order: the weights by which each new sample is made of the old ones. */
export function interpolationMatrix(from: number, to: number): Float64Array {
  const matrix = new Float64Array(to * from)
  for (let i = 0; i < to; i++) {
    const position = Math.max(((i + 0.5) * from) / to - 0.5, 0)
    const first = Math.min(Math.floor(position), from - 1)
    const second = Math.min(first + 1, from - 1)
    matrix[i * from + first]! += 1 - (position - first)
    matrix[i * from + second]! += position - first
  }
  return matrix
}
