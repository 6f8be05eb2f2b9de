import { peakActivationBytes } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import type { Network } from './network.js'
import { HMS_SCALES, orderedScales } from './scales.js'
import type { SegmentImagesOptions } from './segmentation.js'
import { planTiles, requireTileSize, type Tile, type TileOption, type TileSize } from './tiles.js'

/** The coarsest of HRNet's four branches has one element for this many of the finest's, along each axis. */
const BRANCH_RATIO = 8

/** Overlap of the tiles that `auto` makes, in elements of the coarsest branch. */
const AUTO_OVERLAP = 4

/** Networks gain nothing from larger batches on CPU, and abort and progress would wait for them. */
const MAX_BATCH = 8

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
  network: Network,
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
  network: Network,
  width: number,
  height: number,
  options: SegmentImagesOptions,
): number {
  const [largest] = planScales(network, 1, width, height, { ...options, tile: 'never' })
  const bytes = peakActivationBytes(network.graph, { N: 1, H: largest.height, W: largest.width })
  return Math.min(MAX_BATCH, Math.max(1, Math.floor(network.memoryBudget / bytes)))
}

function tilesOf(network: Network, count: number, width: number, height: number, tile: TileOption): Tile[] {
  const { name, stride } = network.info
  const alignment = stride * BRANCH_RATIO
  if (tile === 'never') return [{ x: 0, y: 0, width, height }]
  if (tile !== 'auto') requireTileSize(tile, alignment, name)
  const size = tile === 'auto' ? tileWithinBudget(network, count, width, height, alignment) : tile
  return planTiles(width, height, size, alignment)
}

/** The whole where it fits, else the largest tile that does of those made by halving. */
function tileWithinBudget(
  { graph, info, memoryBudget }: Network,
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
    if (peakActivationBytes(graph, { N, H: size.height, W: size.width }) <= memoryBudget) return size
    if (Math.max(w, h) <= alignment) {
      throw new InverseFormError(
        'out-of-memory',
        `${info.name} needs more than the ${Math.floor(memoryBudget / 2 ** 20)} MiB of its memory budget, even for a tile of ${size.width}x${size.height}.`,
        { hint: 'Free some memory, raise the memory budget, or use a smaller model.' },
      )
    }
    if (w >= h) w = Math.ceil(w / 2)
    else h = Math.ceil(h / 2)
  }
}
