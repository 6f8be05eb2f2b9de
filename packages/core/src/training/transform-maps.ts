import { complement } from '../norm.js'
import type { TensorOps } from '../ops.js'
import { shapeText, sizeMismatch } from '../shape.js'
import { checkMaps, horizon } from './warp-maps.js'

/**
 * {@link warpMaps} as a differentiable function of the maps and of the matrices.
 *
 * A sample's bilinear weight at a pixel is `max(0, 1 - |x - column|) · max(0, 1 - |y - row|)`, a factor for the column and one
 * for the row. So all samples are a product of the maps with the column factors, weighted by the row factors: memory grows
 * with pixels · (height + width), not with pixels².
 * Where a sample falls on a pixel's centre, as at the identity and at displacements by whole pixels, its slope with respect to
 * the matrices is the mean of those on either side. No gradient flows from samples beyond the map's border.
 *
 * Source: M. Jaderberg et al., "Spatial transformer networks", NeurIPS 2015, equation 5.
 *
 * @param maps [maps, 1, height, width]
 * @param matrices [maps, 3, 3], from points of the result to points of the map, in normalised coordinates
 * @returns the maps' shape
 * @throws `size-mismatch` when the shapes do not go together
 */
export function transformMaps<T>(ops: TensorOps<T>, maps: T, matrices: T): T {
  const shape = ops.shape(maps)
  const [count, channels, height, width] = checkMaps(shape)
  if (channels !== 1 || shapeText(ops.shape(matrices)) !== shapeText([count, 3, 3])) {
    throw sizeMismatch(
      `Matrices of the shape ${shapeText(ops.shape(matrices))} were given for maps of ${shapeText(shape)}.`,
      'Give maps [maps, 1, height, width] and matrices [maps, 3, 3].',
      { maps: shape, matrices: ops.shape(matrices) },
    )
  }
  const pixels = height * width
  const grid = ops.constant(homogeneousGrid(height, width), [pixels, 3])
  const points = ops.matmul(grid, matrices, { transposeB: true })
  const coordinate = (axis: number) => ops.slice(points, [0, 0, axis], [count, pixels, 1])
  const visible = ops.greater(coordinate(2), horizon)
  const depth = ops.add(ops.multiply(coordinate(2), visible), complement(ops, visible))
  const weights = (axis: number, length: number) => {
    const position = ops.multiply(ops.divide(coordinate(axis), depth), length / 2)
    const centres = Float32Array.from({ length }, (_, i) => i - (length - 1) / 2)
    return tent(ops, ops.subtract(position, ops.constant(centres, [length])))
  }
  const columnsFirst = ops.transpose(ops.reshape(maps, [count, height, width]), [0, 2, 1])
  const rows = ops.matmul(weights(0, width), columnsFirst)
  const samples = ops.sum(ops.multiply(rows, weights(1, height)), [2], true)
  return ops.reshape(ops.multiply(samples, visible), shape)
}

/**
 * `max(0, 1 - |d|)`, its slope at the kinks the mean of those beside them. Made of masks, for libraries differ in the slopes that
 * their `abs` and `maximum` have there.
 */
function tent<T>(ops: TensorOps<T>, d: T): T {
  const sign = (x: T) => ops.subtract(ops.greater(x, 0), ops.greater(ops.multiply(x, -1), 0))
  const height = complement(ops, ops.multiply(d, sign(d)))
  return ops.multiply(height, ops.multiply(ops.add(sign(height), 1), 0.5))
}

/** [height · width, 3]: x, y and 1 of every pixel's centre, in normalised coordinates. */
function homogeneousGrid(height: number, width: number): Float64Array {
  const grid = new Float64Array(height * width * 3)
  for (let p = 0; p < height * width; p++) {
    grid[3 * p] = (2 * (p % width) + 1) / width - 1
    grid[3 * p + 1] = (2 * Math.floor(p / width) + 1) / height - 1
    grid[3 * p + 2] = 1
  }
  return grid
}
