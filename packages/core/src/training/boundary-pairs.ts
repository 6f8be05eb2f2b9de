import { checkFunction, checkInteger, checkLength, checkNumber, InverseFormError } from '@inverseform/errors'
import { type Random, shuffle } from '@inverseform/shared'
import type { PlainTensor } from '../ops.js'
import { checkPair, shapeText, sizeMismatch } from '../shape.js'
import type { Transform } from './transforms.js'
import { type Window, warpWindow } from './warp-maps.js'

/** The strength of the boundary at each pixel, in [0, 1], height x width in C order. */
export interface BoundaryMap {
  readonly data: ArrayLike<number>
  readonly height: number
  readonly width: number
}

export interface BoundaryPairsOptions {
  /** Source of all random numbers. With {@link seededRandom}, equal seeds give equal batches. */
  readonly random: Random
  /** Draws a transformation, such as {@link sampleShiftAndScale}, always with the same number of parameters. */
  readonly transform: (random: Random) => Transform
  /** [height, width] of tiles, in pixels. Default [224, 224]. */
  readonly tileSize?: readonly [height: number, width: number]
  /** Pixels from one tile to the next, down and right. Default: the tile size, so that tiles do not overlap. */
  readonly stride?: readonly [down: number, right: number]
  /** Skips tiles whose mean is below this. Default 0.01. */
  readonly minimumBoundary?: number
  /** Pairs in a batch. Default 32. */
  readonly batchSize?: number
}

/** A batch of boundaries and their transformed copies, in new `Float32Array`s. */
export interface BoundaryPairs {
  /** The original tiles, which stand for the target: [pairs, 1, height, width]. */
  readonly tiles: PlainTensor
  /**
   * The transformed tiles, which stand for the prediction. The surroundings of the tile move into view, as they do when the loss
   * is used, and only positions outside the map are 0. An empty border would reveal the displacement.
   */
  readonly warped: PlainTensor
  /** The parameters of the matrices from points of `warped` to points of `tiles`, [pairs, parameters]. */
  readonly parameters: PlainTensor
}

/**
 * Generates endless training data for InverseNet: tiles of boundary maps, their transformed copies and the transformations.
 * Every tile with a boundary appears once per epoch, in random order. Batches are always full.
 *
 * Source: the InverseForm paper (arXiv 2104.02745), section 3: it trains the regressor on boundary maps and copies made by
 * a spatial transformer.
 *
 * @throws InverseFormError `size-mismatch` for a map that does not have one value per pixel, tiles larger than all maps and,
 *   while drawing batches, transformations with different numbers of parameters; `invalid-argument` for an invalid option, or
 *   when no tile has enough boundary
 */
export function boundaryPairs(
  maps: readonly BoundaryMap[],
  options: BoundaryPairsOptions,
): Generator<BoundaryPairs, never, void> {
  const { tileSize = [224, 224], batchSize = 32, stride = tileSize, minimumBoundary = 0.01 } = options
  checkFunction('random', options.random)
  checkFunction('transform', options.transform)
  checkPair('tileSize', tileSize)
  checkPair('stride', stride)
  checkInteger('batchSize', batchSize, { min: 1 })
  checkNumber('minimumBoundary', minimumBoundary)
  maps.forEach(checkMap)
  return batches(placesOf(maps, tileSize, stride, minimumBoundary), tileSize, batchSize, options)
}

function* batches(
  places: readonly Place[],
  [height, width]: readonly [number, number],
  batchSize: number,
  { random, transform }: BoundaryPairsOptions,
): Generator<BoundaryPairs, never, void> {
  const order = Uint32Array.from(places, (_, i) => i)
  for (let next = order.length; ; ) {
    const transforms = Array.from({ length: batchSize }, () => transform(random))
    const tiles = new Float32Array(batchSize * height * width)
    const warped = new Float32Array(batchSize * height * width)
    for (let pair = 0; pair < batchSize; pair++, next++) {
      if (next === order.length) {
        shuffle(order, random)
        next = 0
      }
      const { map, top, left } = places[order[next]]
      const window = { top, left, height, width }
      copyTile(map, window, tiles, pair * height * width)
      warpWindow({ ...map, start: 0 }, window, transforms[pair].matrix, warped, pair * height * width)
    }
    const shape = [batchSize, 1, height, width]
    yield {
      tiles: { data: tiles, shape },
      warped: { data: warped, shape },
      parameters: stack(transforms.map((each) => each.parameters)),
    }
  }
}

/** Stacks rows to [rows, columns]. */
function stack(rows: readonly (readonly number[])[]): PlainTensor {
  const columns = rows[0].length
  const other = rows.find(({ length }) => length !== columns)
  if (!other) return { data: Float32Array.from(rows.flat()), shape: [rows.length, columns] }
  throw sizeMismatch(
    `\`transform\` must always draw the same number of parameters, got ${columns} and ${other.length}.`,
    'Use one kind of transformation.',
    { counts: rows.map(({ length }) => length) },
  )
}

interface Place {
  readonly map: BoundaryMap
  readonly top: number
  readonly left: number
}

/** Returns the positions of all tiles with enough boundary. */
function placesOf(
  maps: readonly BoundaryMap[],
  [height, width]: readonly [number, number],
  [down, right]: readonly [number, number],
  minimum: number,
): Place[] {
  const places = maps.flatMap((map) => {
    const sumAbove = summedArea(map)
    const across = map.width + 1
    const found: Place[] = []
    for (let top = 0; top + height <= map.height; top += down) {
      for (let left = 0; left + width <= map.width; left += right) {
        const [upper, lower] = [top * across + left, (top + height) * across + left]
        const sum = sumAbove[lower + width] - sumAbove[lower] - sumAbove[upper + width] + sumAbove[upper]
        if (sum >= minimum * height * width && sum > 0) found.push({ map, top, left })
      }
    }
    return found
  })
  if (places.length > 0) return places
  if (maps.length > 0 && maps.every((map) => map.height < height || map.width < width)) {
    throw sizeMismatch(
      `\`tileSize\` must fit a boundary map, got ${shapeText([height, width])}, larger than all ${maps.length} maps.`,
      'Use smaller tiles or larger maps.',
      { tileSize: [height, width], maps: maps.map((map) => [map.height, map.width]) },
    )
  }
  throw new InverseFormError(
    'invalid-argument',
    `No tile of ${shapeText([height, width])} in ${maps.length} boundary maps has a mean of at least ${minimum}.`,
    { hint: 'Use maps that contain boundaries, smaller tiles, or a lower `minimumBoundary`.' },
  )
}

/** Returns the sum of all values above and to the left of each pixel corner, [height + 1, width + 1]. */
function summedArea({ data, height, width }: BoundaryMap): Float64Array {
  const across = width + 1
  const sums = new Float64Array((height + 1) * across)
  for (let y = 0; y < height; y++) {
    let row = 0
    for (let x = 0; x < width; x++) {
      row += data[y * width + x]
      sums[(y + 1) * across + x + 1] = sums[y * across + x + 1] + row
    }
  }
  return sums
}

function copyTile(
  map: BoundaryMap,
  { top, left, height, width }: Window,
  tile: Float32Array,
  offset: number,
): void {
  for (let y = 0; y < height; y++) {
    const from = (top + y) * map.width + left
    for (let x = 0; x < width; x++) tile[offset + y * width + x] = map.data[from + x]
  }
}

function checkMap({ data, height, width }: BoundaryMap, index: number): void {
  checkLength(`maps[${index}].data`, data.length, height * width, `one for each of ${height}x${width} pixels`)
}
