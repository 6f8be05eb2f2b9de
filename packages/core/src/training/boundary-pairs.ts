import { InverseFormError } from '@inverseform/errors'
import type { PlainTensor } from '../ops.js'
import { checkInteger, checkNumber, checkSizes } from '../options.js'
import { shapeText, sizeMismatch } from '../shape.js'
import { type Random, shuffle } from './random.js'
import type { Transform } from './transforms.js'
import { type Window, warpWindow } from './warp-maps.js'

/** How much of a boundary there is at each pixel, in [0, 1], height x width in C order. */
export interface BoundaryMap {
  readonly data: ArrayLike<number>
  readonly height: number
  readonly width: number
}

export interface BoundaryPairsOptions {
  /** Gives every random number: with {@link seededRandom}, equal seeds give equal batches. */
  readonly random: Random
  /** Draws a transformation, such as {@link sampleShiftAndScale}; always with as many parameters. */
  readonly transform: (random: Random) => Transform
  /** [height, width] of tiles, in pixels. Default [224, 224]. */
  readonly tileSize?: readonly [height: number, width: number]
  /** Pixels from one tile to the next, down and right. Default: the tiles' size, so that they do not overlap. */
  readonly stride?: readonly [down: number, right: number]
  /** Tiles whose mean is below this are skipped. Default 0.01. */
  readonly minimumBoundary?: number
  /** Pairs in a batch. Default 32. */
  readonly batchSize?: number
}

/** A batch of boundaries and their transformed copies; the tensors' data are `Float32Array`s of the batch's own. */
export interface BoundaryPairs {
  /** The tiles as they are, in the target's place: [pairs, 1, height, width]. */
  readonly tiles: PlainTensor
  /**
   * The tiles seen through the transformations, in the prediction's place. What comes into sight is the map around the tile, as
   * it is where the loss is used, and 0 only from outside of the map: an empty border would give the displacement away.
   */
  readonly warped: PlainTensor
  /** [pairs, parameters]: those of the matrices from points of `warped` to points of `tiles`. */
  readonly parameters: PlainTensor
}

/**
 * Data to train InverseNet on, without end: tiles of boundary maps, their transformed copies and the transformations. Every
 * tile with boundary comes once, in random order, before any comes again; batches are always full.
 *
 * Source: the InverseForm paper (arXiv 2104.02745), section 3: the regressor is trained on boundary maps and copies that a
 * spatial transformer makes of them.
 *
 * @throws `size-mismatch` for a map without one value a pixel, tiles larger than all maps and, as batches are drawn, for
 *   transformations of different numbers of parameters; `invalid-argument` for an option, and when no tile has enough boundary
 */
export function boundaryPairs(
  maps: readonly BoundaryMap[],
  options: BoundaryPairsOptions,
): Generator<BoundaryPairs, never, void> {
  const { tileSize = [224, 224], batchSize = 32, stride = tileSize, minimumBoundary = 0.01 } = options
  checkSizes('tileSize', tileSize)
  checkSizes('stride', stride)
  checkInteger('batchSize', batchSize, 1)
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
      const { map, top, left } = places[order[next]!]!
      const window = { top, left, height, width }
      copyTile(map, window, tiles, pair * height * width)
      warpWindow({ ...map, start: 0 }, window, transforms[pair]!.matrix, warped, pair * height * width)
    }
    const shape = [batchSize, 1, height, width]
    yield {
      tiles: { data: tiles, shape },
      warped: { data: warped, shape },
      parameters: stack(transforms.map((each) => each.parameters)),
    }
  }
}

/** As [rows, columns]. */
function stack(rows: readonly (readonly number[])[]): PlainTensor {
  const columns = rows[0]!.length
  const other = rows.find(({ length }) => length !== columns)
  if (!other) return { data: Float32Array.from(rows.flat()), shape: [rows.length, columns] }
  throw sizeMismatch(
    `Transformations of ${columns} and of ${other.length} parameters are in one batch.`,
    'Give a transform that always draws as many.',
    { counts: rows.map(({ length }) => length) },
  )
}

interface Place {
  readonly map: BoundaryMap
  readonly top: number
  readonly left: number
}

/** The places of all tiles with enough boundary. */
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
    for (let top = 0; top + height <= map.height; top += down)
      for (let left = 0; left + width <= map.width; left += right) {
        const [upper, lower] = [top * across + left, (top + height) * across + left]
        const sum = sumAbove[lower + width]! - sumAbove[lower]! - sumAbove[upper + width]! + sumAbove[upper]!
        if (sum >= minimum * height * width && sum > 0) found.push({ map, top, left })
      }
    return found
  })
  if (places.length > 0) return places
  if (maps.length > 0 && maps.every((map) => map.height < height || map.width < width)) {
    throw sizeMismatch(
      `Tiles of ${shapeText([height, width])} are larger than each of the ${maps.length} boundary maps.`,
      'Give smaller tiles, or larger maps.',
      { tileSize: [height, width], maps: maps.map((map) => [map.height, map.width]) },
    )
  }
  throw new InverseFormError(
    'invalid-argument',
    `None of ${maps.length} boundary maps has a tile of ${shapeText([height, width])} with a mean of ${minimum} or more.`,
    { hint: 'Give maps that show boundaries, smaller tiles, or a lower minimumBoundary.' },
  )
}

/** [height + 1, width + 1]: the sum of all values above and left of each corner. */
function summedArea({ data, height, width }: BoundaryMap): Float64Array {
  const across = width + 1
  const sums = new Float64Array((height + 1) * across)
  for (let y = 0; y < height; y++) {
    let row = 0
    for (let x = 0; x < width; x++) {
      row += data[y * width + x]!
      sums[(y + 1) * across + x + 1] = sums[y * across + x + 1]! + row
    }
  }
  return sums
}

function copyTile(
  map: BoundaryMap,
  { top, left, height, width }: Window,
  target: Float32Array,
  offset: number,
): void {
  for (let y = 0; y < height; y++) {
    const from = (top + y) * map.width + left
    for (let x = 0; x < width; x++) target[offset + y * width + x] = map.data[from + x]!
  }
}

function checkMap({ data, height, width }: BoundaryMap, index: number): void {
  if (data.length === height * width) return
  throw sizeMismatch(
    `Boundary map ${index} has ${data.length} values for ${height}x${width} pixels.`,
    'Give one value for each pixel.',
    { index, length: data.length, height, width },
  )
}
