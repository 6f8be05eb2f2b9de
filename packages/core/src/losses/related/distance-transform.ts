import { FAR, squaredDistances } from '@inverseform/distance-transform'
import { checkInteger, checkLength } from '@inverseform/errors'

/**
 * Computes the exact Euclidean distance of every pixel to the nearest nonzero pixel of `mask`, in pixels between centers. Without
 * a nonzero pixel, all distances are Infinity. It runs in time linear in the number of pixels.
 *
 * Source: Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions, Theory of Computing 2012.
 *
 * @param mask height x width in C order
 * @returns height x width
 * @throws InverseFormError `size-mismatch` when the mask has another size; `invalid-argument` unless height and width are positive
 *   integers; `limit-exceeded` for more than 32767 rows or columns
 */
export function distanceTransform(mask: ArrayLike<number>, height: number, width: number): Float64Array {
  checkInteger('height', height, { min: 1 })
  checkInteger('width', width, { min: 1 })
  checkLength('mask', mask.length, height * width, `one for each of ${height}x${width} pixels`)
  const bytes = mask instanceof Uint8Array ? mask : Uint8Array.from(mask, (value) => (value ? 1 : 0))
  const squares = squaredDistances(bytes, width, height)
  const distances = new Float64Array(squares.length)
  for (let i = 0; i < distances.length; i++) {
    distances[i] = squares[i] === FAR ? Number.POSITIVE_INFINITY : Math.sqrt(squares[i])
  }
  return distances
}
