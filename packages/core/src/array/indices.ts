import type { Shape } from '../ops.js'
import { shapeText, sizeMismatch, sizeOf } from '../shape.js'

/** How a shape is read at one index an `axis` and position of the other axes: blocks of `length` rows of `inner` elements. */
export interface Indexed {
  readonly shape: Shape
  readonly length: number
  readonly inner: number
}

/** @throws `size-mismatch` unless there is one index for each position of the other axes, in [0, length of the axis) */
export function indexed(shape: Shape, indices: Int32Array, axis: number): Indexed {
  const others = shape.filter((_, i) => i !== axis)
  const length = shape[axis] ?? 0
  if (indices.length !== sizeOf(others)) {
    throw sizeMismatch(
      `${indices.length} indices were given to pick along axis ${axis} of a tensor of ${shapeText(shape)}.`,
      `Give one for each of the ${sizeOf(others)} positions of the other axes.`,
      { indices: indices.length, shape, axis },
    )
  }
  const outside = indices.find((index) => !(index >= 0 && index < length))
  if (outside !== undefined) {
    throw sizeMismatch(
      `Index ${outside} was given to pick along axis ${axis} of a tensor of ${shapeText(shape)}.`,
      `Keep indices within 0..${length - 1}.`,
      { index: outside, shape, axis },
    )
  }
  return { shape: others, length, inner: sizeOf(shape.slice(axis + 1)) }
}
