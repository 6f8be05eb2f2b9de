import { complement } from '../math.js'
import type { TensorOps } from '../ops.js'
import { checkMapShape, shapeOf, shapeText, sizeMismatch } from '../shape.js'
import { horizon } from './warp-maps.js'

/**
 * {@link warpMaps} as a differentiable function of the maps and the matrices.
 *
 * The bilinear weight of a pixel is `max(0, 1 - |x - column|) · max(0, 1 - |y - row|)`, a column factor times a row factor. All
 * samples are therefore the product of the maps and the column factors, weighted by the row factors. Memory grows with
 * pixels · (height + width) instead of pixels².
 *
 * Where a sample falls on a pixel center, as at the identity and at displacements by whole pixels, the slope with respect to the
 * matrices is the mean of the slopes on both sides. No gradient flows from samples outside the map.
 *
 * Source: M. Jaderberg et al., "Spatial transformer networks", NeurIPS 2015, equation 5.
 *
 * @param maps [maps, 1, height, width]
 * @param matrices [maps, 3, 3], from points of the result to points of the map, in normalized coordinates
 * @returns a tensor of the shape of the maps
 * @throws InverseFormError `size-mismatch` when the shapes do not fit each other
 */
export function transformMaps<T>(ops: TensorOps<T>, maps: T, matrices: T): T {
  const shape = shapeOf(ops, 'maps', maps)
  checkMapShape('maps', shape)
  const [count, channels, height, width] = shape
  if (channels !== 1 || shapeText(shapeOf(ops, 'matrices', matrices)) !== shapeText([count, 3, 3])) {
    throw sizeMismatch(
      `\`matrices\` must have the shape [${count}, 3, 3] for maps of ${shapeText(shape)} with 1 channel, got ${shapeText(ops.shape(matrices))}.`,
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
    const centers = Float32Array.from({ length }, (_, i) => i - (length - 1) / 2)
    return tent(ops, ops.subtract(position, ops.constant(centers, [length])))
  }
  const columnsFirst = ops.transpose(ops.reshape(maps, [count, height, width]), [0, 2, 1])
  const rows = ops.matmul(weights(0, width), columnsFirst)
  const samples = ops.sum(ops.multiply(rows, weights(1, height)), [2], true)
  return ops.reshape(ops.multiply(samples, visible), shape)
}

/**
 * Computes `max(0, 1 - |d|)`, whose slope at the kinks is the mean of the slopes on both sides. It uses masks, because libraries
 * define the slopes of `abs` and `maximum` differently.
 */
function tent<T>(ops: TensorOps<T>, d: T): T {
  const sign = (x: T) => ops.subtract(ops.greater(x, 0), ops.greater(ops.multiply(x, -1), 0))
  const height = complement(ops, ops.multiply(d, sign(d)))
  return ops.multiply(height, ops.multiply(ops.add(sign(height), 1), 0.5))
}

/** Returns x, y and 1 of every pixel center in normalized coordinates, [height · width, 3]. */
function homogeneousGrid(height: number, width: number): Float64Array {
  const grid = new Float64Array(height * width * 3)
  for (let p = 0; p < height * width; p++) {
    grid[3 * p] = (2 * (p % width) + 1) / width - 1
    grid[3 * p + 1] = (2 * Math.floor(p / width) + 1) / height - 1
    grid[3 * p + 2] = 1
  }
  return grid
}
