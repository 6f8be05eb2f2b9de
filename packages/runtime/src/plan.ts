import { InverseFormError } from '@inverseform/errors'
import { type AnyNetwork, fits, type MemoryNeed, memoryNeed } from './network.js'
import { HMS_SCALES, orderedScales } from './scales.js'
import type { SegmentImagesOptions } from './segmentation.js'
import { planTiles, requireTileSize, type Tile, type TileOption, type TileSize } from './tiles.js'

/** The coarsest of HRNet's four branches has one element for this many of the finest's, along each axis. */
const BRANCH_RATIO = 8

/** Overlap of the tiles that `auto` makes, in elements of the coarsest branch. */
const AUTO_OVERLAP = 4

/** Images run together, at most: networks gain nothing from larger batches on CPU, and abort and progress would wait for them. */
export const MAX_BATCH = 8

/** One scale of a batch of images. */
export interface ScalePlan {
  readonly scale: number
  /** Size of the scaled images, in pixels. */
  readonly width: number
  readonly height: number
  /** At least one; exactly one is the whole. */
  readonly tiles: readonly Tile[]
}

/** The scales at which images are run, from the largest to the smallest, and the tiles of each. */
export function planScales(
  network: AnyNetwork,
  count: number,
  width: number,
  height: number,
  { scales, tile = 'auto' }: SegmentImagesOptions,
): ScalePlan[] {
  const { info } = network
  return orderedScales(scales ?? (info.multiScale ? HMS_SCALES : [1])).map((scale) => {
    const scaledWidth = Math.max(info.minimumSize, Math.floor(width * scale))
    const scaledHeight = Math.max(info.minimumSize, Math.floor(height * scale))
    const tiles = tilesOf(network, count, scaledWidth, scaledHeight, tile)
    return { scale, width: scaledWidth, height: scaledHeight, tiles }
  })
}

/** How many network runs a plan takes. */
export function countRuns(plan: readonly ScalePlan[], flip = false): number {
  return plan.reduce((sum, { tiles }) => sum + tiles.length, 0) * (flip ? 2 : 1)
}

/** How many images of a size to run together, within the memory budget where that is possible. */
export function batchSize(
  network: AnyNetwork,
  width: number,
  height: number,
  options: SegmentImagesOptions,
): number {
  const [largest] = planScales(network, 1, width, height, { ...options, tile: 'never' })
  const one = memoryNeed(network, 1, largest.width, largest.height)
  const most = Math.min(
    network.memoryBudget / one.activations,
    (network.maxBufferBytes ?? Number.POSITIVE_INFINITY) / one.buffer,
  )
  return Math.min(MAX_BATCH, Math.max(1, Math.floor(most)))
}

function tilesOf(
  network: AnyNetwork,
  count: number,
  width: number,
  height: number,
  tile: TileOption,
): Tile[] {
  const { name, stride } = network.info
  const alignment = stride * BRANCH_RATIO
  if (tile === 'never') return [{ x: 0, y: 0, width, height }]
  if (tile !== 'auto') requireTileSize(tile, alignment, name)
  const size = tile === 'auto' ? tileWithinBudget(network, count, width, height, alignment) : tile
  return planTiles(width, height, size, alignment)
}

/** The whole where it fits, else the largest tile that does of those made by halving. */
function tileWithinBudget(
  network: AnyNetwork,
  N: number,
  width: number,
  height: number,
  alignment: number,
): TileSize {
  const overlap = AUTO_OVERLAP * alignment
  /** A part of a side with its overlap, which its neighbours share. */
  const side = (part: number, whole: number) =>
    Math.min(whole, Math.ceil(part / alignment) * alignment + overlap)
  for (let [w, h] = [width, height]; ; ) {
    const size = { width: side(w, width), height: side(h, height), overlap }
    const need = memoryNeed(network, N, size.width, size.height)
    if (fits(network, need)) return size
    if (Math.max(w, h) <= alignment) throw tooLarge(network, size, need)
    if (w >= h) w = Math.ceil(w / 2)
    else h = Math.ceil(h / 2)
  }
}

function tooLarge(network: AnyNetwork, { width, height }: TileSize, need: MemoryNeed): InverseFormError {
  const { info, memoryBudget, maxBufferBytes } = network
  const mebibytes = (bytes: number) => `${Math.floor(bytes / 2 ** 20)} MiB`
  const overBudget = need.activations > memoryBudget
  return new InverseFormError(
    'out-of-memory',
    overBudget
      ? `${info.name} needs more than the ${mebibytes(memoryBudget)} of its memory budget, even for a tile of ${width}x${height}.`
      : `${info.name} needs a buffer of ${mebibytes(need.buffer)} even for a tile of ${width}x${height}; the device allows ${mebibytes(maxBufferBytes as number)}.`,
    {
      hint: overBudget
        ? 'Free some memory, raise the memory budget, or use a smaller model.'
        : 'Use a smaller model, or another device.',
    },
  )
}
