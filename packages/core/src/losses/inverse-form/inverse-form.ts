import { checkOneOf } from '@inverseform/errors'
import { logSoftmax, norm } from '../../math.js'
import type { TensorOps } from '../../ops.js'
import { resizeBilinear } from '../../resize.js'
import { checkPair, shapeOf, shapeText, sizeMismatch } from '../../shape.js'
import { checkRegressor, checkTarget, edgeSize, type IntegerArray } from '../inputs.js'
import type { EdgeLossInputs } from './edge-bce.js'
import { euclideanDistance } from './euclidean-distance.js'
import { type GeodesicDistanceOptions, geodesicDistance } from './geodesic-distance.js'

/**
 * Estimates the transformation between two boundary maps: {@link inverseNet} or a network of your own.
 *
 * @param prediction tiles of the predicted map, [tiles, 1, height, width]
 * @param target the same tiles of the target map
 * @returns [tiles, coefficients]
 */
export type Regressor<T> = (ops: TensorOps<T>, prediction: T, target: T) => T

export interface InverseFormLossInputs<T> extends EdgeLossInputs<T> {
  readonly regressor: Regressor<T>
}

const activations = ['sigmoid', 'log_softmax', 'softmax', 'identity'] as const
const distances = ['coefficients', 'euclidean', 'geodesic'] as const

export interface InverseFormLossOptions extends GeodesicDistanceOptions {
  /**
   * Function applied to the edge logits. `sigmoid` (default) gives the probability map that the paper describes. The published
   * code uses `log_softmax`: over a single channel it is 0 everywhere, so the loss does not depend on the prediction and its
   * gradient is 0. Use it only to reproduce published numbers. `softmax` is likewise 1 everywhere.
   */
  readonly activation?: (typeof activations)[number]
  /** [height, width] that both maps are resized to. Default [672, 1344]. */
  readonly size?: readonly [height: number, width: number]
  /** [rows, columns] of tiles. Default [3, 6], of 224x224 pixels. */
  readonly tileGrid?: readonly [rows: number, columns: number]
  /**
   * Meaning of the regressor's coefficients: displacements, whose norm is the distance (`coefficients`, default, as
   * published); 6 affine parameters (`euclidean`); 8 homography parameters (`geodesic`).
   */
  readonly distance?: (typeof distances)[number]
}

/** The options of {@link inverseFormTiles}. */
export type InverseFormTileOptions = Pick<InverseFormLossOptions, 'activation' | 'size' | 'tileGrid'>

/** The options of {@link inverseFormDistance}. */
export type InverseFormDistanceOptions = Pick<
  InverseFormLossOptions,
  'distance' | keyof GeodesicDistanceOptions
>

/** The inputs of a {@link Regressor}, both [rows · columns · images, 1, height / rows, width / columns]. */
export interface InverseFormTiles<T> {
  readonly prediction: T
  /** 1 on edges, 0 elsewhere and where ignored, with interpolated values in between. */
  readonly target: T
}

/**
 * The InverseForm loss: the distance between the predicted and the target boundaries, as a spatial transformation. It cuts the
 * maps into tiles ({@link inverseFormTiles}), estimates coefficients with the regressor, and returns their mean distance
 * ({@link inverseFormDistance}).
 *
 * Source: the InverseForm paper (arXiv 2104.02745), section 3, and `InverseTransform2D` of the published code.
 *
 * @returns a scalar, at least 0, in the unit of the distance
 * @throws InverseFormError `size-mismatch` when the sizes of the inputs differ, the grid does not divide the size, or the
 *   regressor's result does not fit the distance; `invalid-argument` for an invalid option or a missing regressor
 */
export function inverseFormLoss<T>(
  ops: TensorOps<T>,
  { edgeLogits, edgeTarget, regressor }: InverseFormLossInputs<T>,
  options: InverseFormLossOptions = {},
): T {
  checkRegressor(regressor)
  const { prediction, target } = inverseFormTiles(ops, { edgeLogits, edgeTarget }, options)
  const coefficients = regressor(ops, prediction, target)
  const shape = shapeOf(ops, 'coefficients', coefficients)
  const tiles = ops.shape(prediction)[0]
  if (shape.length !== 2 || shape[0] !== tiles) {
    throw sizeMismatch(
      `The regressor must return [${tiles}, coefficients] for ${tiles} tiles, got ${shapeText(shape)}.`,
      'Return one row of coefficients for each tile.',
      { shape, tiles },
    )
  }
  return inverseFormDistance(ops, coefficients, options)
}

/**
 * Returns the inputs of the regressor: the activated edge logits and the target edges, both resized bilinearly to `size` and
 * cut into `tileGrid` tiles. Tiles are in row-major order: the first tile of all images, then the second of all images, and so on.
 *
 * Use it with an asynchronous regressor, such as a session of an inference runtime. Run the session on these tiles and pass its
 * coefficients to {@link inverseFormDistance}, or to the losses as `regressor: () => coefficients`.
 *
 * @throws InverseFormError `size-mismatch` when the sizes of the inputs differ or the grid does not divide the size;
 *   `invalid-argument` for an invalid option
 */
export function inverseFormTiles<T>(
  ops: TensorOps<T>,
  { edgeLogits, edgeTarget }: EdgeLossInputs<T>,
  { activation = 'sigmoid', size = [672, 1344], tileGrid = [3, 6] }: InverseFormTileOptions = {},
): InverseFormTiles<T> {
  checkOneOf('activation', activation, activations)
  checkPair('size', size)
  checkPair('tileGrid', tileGrid)
  const maps = edgeSize(ops, edgeLogits)
  checkTarget('edgeTarget', edgeTarget, maps)
  if (!size.every((length, axis) => length % tileGrid[axis] === 0)) {
    throw sizeMismatch(
      `\`tileGrid\` must divide \`size\`, got ${tileGrid.join('x')} tiles for ${size.join('x')} pixels.`,
      'Use a size that is a multiple of the tile grid, such as 672x1344 for 3x6.',
      { size, tileGrid },
    )
  }
  const edges = ops.constant(edgeIndicator(edgeTarget), ops.shape(edgeLogits))
  const tiles = (map: T) => tilesOf(ops, resizeBilinear(ops, map, size), tileGrid)
  return { prediction: tiles(activate(ops, edgeLogits, activation)), target: tiles(edges) }
}

/**
 * Returns the mean distance over tiles that a regressor's coefficients describe.
 *
 * @param coefficients [tiles, coefficients], at least one of each
 * @returns a scalar, at least 0, in the unit of the distance
 * @throws InverseFormError `size-mismatch` when the coefficients have another shape or their number does not fit the distance;
 *   `invalid-argument` for an invalid option
 */
export function inverseFormDistance<T>(
  ops: TensorOps<T>,
  coefficients: T,
  options: InverseFormDistanceOptions = {},
): T {
  const { distance = 'coefficients' } = options
  checkOneOf('distance', distance, distances)
  const shape = shapeOf(ops, 'coefficients', coefficients)
  if (shape.length !== 2 || shape.includes(0)) {
    throw sizeMismatch(
      `\`coefficients\` must have the shape [tiles, coefficients], got ${shapeText(shape)}.`,
      'Give it two axes, each with a size above 0.',
      { coefficients: shape },
    )
  }
  return ops.divide(ops.sum(tileDistances(ops, coefficients, distance, options)), shape[0])
}

function activate<T>(
  ops: TensorOps<T>,
  edgeLogits: T,
  activation: NonNullable<InverseFormLossOptions['activation']>,
): T {
  switch (activation) {
    case 'identity':
      return edgeLogits
    case 'sigmoid':
      return ops.sigmoid(edgeLogits)
    case 'log_softmax':
      return logSoftmax(ops, edgeLogits)
    case 'softmax':
      return ops.exp(logSoftmax(ops, edgeLogits))
  }
}

function tileDistances<T>(
  ops: TensorOps<T>,
  coefficients: T,
  distance: NonNullable<InverseFormLossOptions['distance']>,
  options: GeodesicDistanceOptions,
): T {
  switch (distance) {
    case 'coefficients':
      return norm(ops, coefficients, [1])
    case 'euclidean':
      return euclideanDistance(ops, coefficients)
    case 'geodesic':
      return geodesicDistance(ops, coefficients, options)
  }
}

/** [images, 1, height, width] → [rows · columns · images, 1, height / rows, width / columns]. */
function tilesOf<T>(ops: TensorOps<T>, map: T, [rows, columns]: readonly [number, number]): T {
  const [images, , height, width] = ops.shape(map) as readonly [number, number, number, number]
  const [tileHeight, tileWidth] = [height / rows, width / columns]
  const split = ops.reshape(map, [images, rows, tileHeight, columns, tileWidth])
  const ordered = ops.transpose(split, [1, 3, 0, 2, 4])
  return ops.reshape(ordered, [rows * columns * images, 1, tileHeight, tileWidth])
}

/** Returns 1 on edges, 0 elsewhere and where ignored. */
function edgeIndicator(edgeTarget: IntegerArray): Float32Array {
  const indicator = new Float32Array(edgeTarget.length)
  for (let i = 0; i < indicator.length; i++) indicator[i] = edgeTarget[i] === 1 ? 1 : 0
  return indicator
}
