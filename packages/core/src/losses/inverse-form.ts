import { InverseFormError } from '@inverseform/errors'
import { norm } from '../norm.js'
import type { TensorOps } from '../ops.js'
import { resizeBilinear } from '../resize.js'
import { shapeText, sizeMismatch } from '../shape.js'
import type { EdgeInputs } from './edge-bce.js'
import { euclideanDistance } from './euclidean-distance.js'
import { logSoftmax } from './functions.js'
import { type GeodesicDistanceOptions, geodesicDistance } from './geodesic-distance.js'
import { checkMap, edgeSize, type IntegerArray } from './inputs.js'

/**
 * Estimates the transformation between two boundary maps: {@link inverseNet}, or a network of your own.
 *
 * @param prediction tiles of the predicted map, [tiles, 1, height, width]
 * @param target the same tiles of the true map
 * @returns [tiles, coefficients]
 */
export type Regressor<T> = (ops: TensorOps<T>, prediction: T, target: T) => T

export interface InverseFormInputs<T> extends EdgeInputs<T> {
  readonly regressor: Regressor<T>
}

export interface InverseFormOptions extends GeodesicDistanceOptions {
  /**
   * What is done to the edge logits first. `sigmoid` (default) makes the probability map that the paper describes.
   * `log_softmax` is the published code's: over a single channel it is 0 everywhere, so that the loss does not depend on
   * the prediction and has gradient 0; it is there to compare figures. `softmax` is 1 everywhere, in the same way.
   */
  readonly activation?: 'sigmoid' | 'log_softmax' | 'softmax' | 'identity'
  /** [height, width] both maps are resized to. Default [672, 1344]. */
  readonly size?: readonly [height: number, width: number]
  /** [rows, columns] of tiles. Default [3, 6], of 224x224 pixels. */
  readonly tileGrid?: readonly [rows: number, columns: number]
  /**
   * What the regressor's coefficients mean: displacements, whose norm is the distance (`coefficients`, default, as
   * published); 6 affine parameters (`euclidean`); 8 homography parameters (`geodesic`).
   */
  readonly distance?: 'coefficients' | 'euclidean' | 'geodesic'
}

/** The InverseForm loss's options that say what the regressor sees. */
export type InverseFormTileOptions = Pick<InverseFormOptions, 'activation' | 'size' | 'tileGrid'>

/** The InverseForm loss's options that say what the regressor's coefficients mean. */
export type InverseFormDistanceOptions = Pick<InverseFormOptions, 'distance' | keyof GeodesicDistanceOptions>

/** What a {@link Regressor} compares: both [rows · columns · images, 1, height / rows, width / columns]. */
export interface InverseFormTiles<T> {
  readonly prediction: T
  /** 1 on edges, 0 off them and where they do not count, interpolated between. */
  readonly target: T
}

/**
 * The InverseForm loss: how far the predicted boundaries are from the true ones as a spatial transformation. The mean
 * distance ({@link inverseFormDistance}) of the coefficients that the regressor gives for the maps' tiles
 * ({@link inverseFormTiles}).
 *
 * Source: the InverseForm paper (arXiv 2104.02745), section 3, and `InverseTransform2D` of the published code.
 *
 * @returns a scalar, at least 0, in the distance's unit
 * @throws `size-mismatch` when the inputs do not go together, the grid does not divide the size, or the regressor's result
 *   does not fit the distance; `invalid-argument` for an option
 */
export function inverseForm<T>(
  ops: TensorOps<T>,
  { edgeLogits, edgeLabels, regressor }: InverseFormInputs<T>,
  options: InverseFormOptions = {},
): T {
  const { prediction, target } = inverseFormTiles(ops, { edgeLogits, edgeLabels }, options)
  const coefficients = regressor(ops, prediction, target)
  const shape = ops.shape(coefficients)
  const tiles = ops.shape(prediction)[0]!
  if (shape.length !== 2 || shape[0] !== tiles) {
    throw sizeMismatch(
      `The regressor gave a tensor of ${shapeText(shape)} for ${tiles} tiles.`,
      `Return [${tiles}, coefficients].`,
      { shape, tiles },
    )
  }
  return inverseFormDistance(ops, coefficients, options)
}

/**
 * What the InverseForm loss has its regressor compare: the activated edge logits and the edge truth, both resized
 * bilinearly to `size` and cut into `tileGrid` tiles, row by row; the first tile of all images, then the second of all, ….
 *
 * For a regressor that is not a {@link Regressor}, such as a session of an inference runtime, which answers later: run it on
 * these tiles, and give its coefficients to {@link inverseFormDistance}, or to the losses by `regressor: () => coefficients`.
 *
 * @throws `size-mismatch` when edge and edges do not go together or the grid does not divide the size; `invalid-argument`
 *   for an activation that is none
 */
export function inverseFormTiles<T>(
  ops: TensorOps<T>,
  { edgeLogits, edgeLabels }: EdgeInputs<T>,
  { activation = 'sigmoid', size = [672, 1344], tileGrid = [3, 6] }: InverseFormTileOptions = {},
): InverseFormTiles<T> {
  const maps = edgeSize(ops, edgeLogits)
  checkMap('edgeLabels', edgeLabels, maps)
  checkGrid(size, tileGrid)
  const truth = ops.constant(edgeIndicator(edgeLabels), ops.shape(edgeLogits))
  const tiles = (map: T) => tilesOf(ops, resizeBilinear(ops, map, size), tileGrid)
  return { prediction: tiles(activate(ops, edgeLogits, activation)), target: tiles(truth) }
}

/**
 * The mean over tiles of the distance that a regressor's coefficients stand for.
 *
 * @param coefficients [tiles, coefficients], at least one of each
 * @returns a scalar, at least 0, in the distance's unit
 * @throws `size-mismatch` for coefficients of another shape, or not as many as the distance takes; `invalid-argument` for an
 *   option
 */
export function inverseFormDistance<T>(
  ops: TensorOps<T>,
  coefficients: T,
  options: InverseFormDistanceOptions = {},
): T {
  const shape = ops.shape(coefficients)
  if (shape.length !== 2 || shape.includes(0)) {
    throw sizeMismatch(
      `The coefficients have the shape ${shapeText(shape)}.`,
      'Give [tiles, coefficients], none of them 0.',
      { coefficients: shape },
    )
  }
  const { distance = 'coefficients' } = options
  return ops.divide(ops.sum(distances(ops, coefficients, distance, options)), shape[0]!)
}

function activate<T>(
  ops: TensorOps<T>,
  edgeLogits: T,
  activation: NonNullable<InverseFormOptions['activation']>,
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
    default:
      throw new InverseFormError('invalid-argument', `activation is '${activation}'.`, {
        hint: "Choose 'sigmoid', 'log_softmax', 'softmax' or 'identity'.",
        details: { activation },
      })
  }
}

function distances<T>(
  ops: TensorOps<T>,
  coefficients: T,
  distance: NonNullable<InverseFormOptions['distance']>,
  options: GeodesicDistanceOptions,
): T {
  switch (distance) {
    case 'coefficients':
      return norm(ops, coefficients, [1])
    case 'euclidean':
      return euclideanDistance(ops, coefficients)
    case 'geodesic':
      return geodesicDistance(ops, coefficients, options)
    default:
      throw new InverseFormError('invalid-argument', `distance is '${distance}'.`, {
        hint: "Choose 'coefficients', 'euclidean' or 'geodesic'.",
        details: { distance },
      })
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

/** 1 on edges, 0 elsewhere, also where the truth does not count. */
function edgeIndicator(edgeLabels: IntegerArray): Float32Array {
  const indicator = new Float32Array(edgeLabels.length)
  for (let i = 0; i < indicator.length; i++) indicator[i] = edgeLabels[i] === 1 ? 1 : 0
  return indicator
}

function checkGrid(size: readonly [number, number], tileGrid: readonly [number, number]): void {
  const positive = [...size, ...tileGrid].every((n) => Number.isSafeInteger(n) && n > 0)
  if (positive && size.every((length, axis) => length % tileGrid[axis]! === 0)) return
  throw sizeMismatch(
    `Maps of ${size.join('x')} cannot be cut into ${tileGrid.join('x')} equal tiles.`,
    'Give a size of whole multiples of the tile grid, such as 672x1344 for 3x6.',
    { size, tileGrid },
  )
}
