import type { TensorOps } from './ops.js'
import { checkMapShape, checkPair } from './shape.js'

/**
 * Resizes bilinearly with half-pixel centers and without antialiasing, as PyTorch's
 * `interpolate(mode='bilinear', align_corners=False)`. It uses two matrix products, which any library can differentiate.
 *
 * @param x [images, channels, height, width]
 * @param size [height, width] of the result
 * @throws InverseFormError `size-mismatch` unless x has four axes with sizes above 0; `invalid-argument` unless `size` is two
 *   positive integers
 */
export function resizeBilinear<T>(
  ops: TensorOps<T>,
  x: T,
  size: readonly [height: number, width: number],
): T {
  const shape = ops.shape(x)
  checkMapShape('x', shape)
  checkPair('size', size)
  // The matrix is the left operand, where products skip zeros. Both products interpolate rows.
  const transposed = ops.transpose(interpolateRows(ops, x, shape[2], size[0]), [0, 1, 3, 2])
  return ops.transpose(interpolateRows(ops, transposed, shape[3], size[1]), [0, 1, 3, 2])
}

function interpolateRows<T>(ops: TensorOps<T>, x: T, from: number, to: number): T {
  if (from === to) return x
  return ops.matmul(ops.constant(interpolationMatrix(from, to), [to, from]), x)
}

/** Returns the weights of the old samples (columns) in each new sample (rows), [to, from] in C order. */
function interpolationMatrix(from: number, to: number): Float64Array {
  const matrix = new Float64Array(to * from)
  for (let i = 0; i < to; i++) {
    const position = Math.max(((i + 0.5) * from) / to - 0.5, 0)
    const first = Math.min(Math.floor(position), from - 1)
    const second = Math.min(first + 1, from - 1)
    matrix[i * from + first] += 1 - (position - first)
    matrix[i * from + second] += position - first
  }
  return matrix
}
