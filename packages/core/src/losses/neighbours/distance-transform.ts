import { FAR, squaredDistances } from '@inverseform/distance-transform'
import { checkSizes } from '../../options.js'
import { sizeMismatch } from '../../shape.js'

/**
 * Exact Euclidean distance of every pixel to the nearest pixel where `mask` is not 0, in pixels between centres; Infinity
 * everywhere when there is none. Linear in the number of pixels.
 *
 * Source: Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions, Theory of Computing 2012.
 *
 * @param mask height x width in C order
 * @returns height x width
 * @throws `size-mismatch` when mask and size do not go together; `invalid-argument` for a size that is not of positive integers;
 *   `limit-exceeded` for more than 32767 rows or columns
 */
export function distanceTransform(mask: ArrayLike<number>, height: number, width: number): Float64Array {
  checkSizes('The size', [height, width])
  if (mask.length !== height * width) {
    throw sizeMismatch(
      `A mask of ${mask.length} values was given for ${height}x${width} pixels.`,
      'Give one value for each pixel.',
      { mask: mask.length, height, width },
    )
  }
  const bytes = mask instanceof Uint8Array ? mask : Uint8Array.from(mask, (value) => (value ? 1 : 0))
  const squares = squaredDistances(bytes, width, height)
  const distances = new Float64Array(squares.length)
  for (let i = 0; i < distances.length; i++)
    distances[i] = squares[i] === FAR ? Number.POSITIVE_INFINITY : Math.sqrt(squares[i]!)
  return distances
}
