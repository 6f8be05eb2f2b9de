import { product } from '@inverseform/shared'
import type { Shape } from '../ops.js'
import { shapeText, sizeMismatch } from '../shape.js'

/** How to read a shape at one index along an axis per position of the other axes: blocks of `length` rows of `inner` elements. */
export interface Indexed {
  readonly shape: Shape
  readonly length: number
  readonly inner: number
}

/**
 * Checks indices along an axis, and returns how to read them.
 *
 * @throws InverseFormError `size-mismatch` unless each position of the other axes has one index, in [0, length of the axis)
 */
export function indexed(shape: Shape, indices: Int32Array, axis: number): Indexed {
  const others = shape.filter((_, i) => i !== axis)
  const length = shape[axis] ?? 0
  if (indices.length !== product(others)) {
    throw sizeMismatch(
      `\`indices\` must have ${product(others)} elements along axis ${axis} of ${shapeText(shape)}, got ${indices.length}.`,
      'Give one index for each position of the other axes.',
      { indices: indices.length, shape, axis },
    )
  }
  const outside = firstOutside(indices, length)
  if (outside !== undefined) {
    throw sizeMismatch(
      `\`indices\` must be in 0..${length - 1} along axis ${axis} of ${shapeText(shape)}, got ${outside}.`,
      'Give positions on the axis.',
      { index: outside, shape, axis },
    )
  }
  return { shape: others, length, inner: product(shape.slice(axis + 1)) }
}

/** Returns the first index that is not in [0, length). */
function firstOutside(indices: Int32Array, length: number): number | undefined {
  for (let i = 0; i < indices.length; i++) if (indices[i] >>> 0 >= length) return indices[i]
  return undefined
}
