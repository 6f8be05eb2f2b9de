import type { TensorOps } from '../../ops.js'

/**
 * Returns the value of each pixel's neighbor, `rows` below and `columns` to the right (each -1, 0 or 1). Outside the image,
 * border pixels are repeated.
 *
 * @param x [images, channels, height, width]
 */
export function neighbor<T>(ops: TensorOps<T>, x: T, rows: number, columns: number): T {
  return shift(ops, shift(ops, x, 2, rows), 3, columns)
}

function shift<T>(ops: TensorOps<T>, x: T, axis: number, by: number): T {
  const shape = ops.shape(x)
  const length = shape[axis]
  if (by === 0 || length === 1) return x
  const part = (from: number, size: number) =>
    ops.slice(
      x,
      shape.map((_, i) => (i === axis ? from : 0)),
      shape.map((full, i) => (i === axis ? size : full)),
    )
  return by > 0
    ? ops.concat([part(1, length - 1), part(length - 1, 1)], axis)
    : ops.concat([part(0, 1), part(0, length - 1)], axis)
}
