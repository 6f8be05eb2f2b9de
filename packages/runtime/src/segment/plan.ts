import { InverseFormError } from '@inverseform/errors'
import { type AnyNetwork, fits, type MemoryNeed, memoryNeed } from '../engine/network.js'
import { checkTileSize, planTiles, type Tile, type TileOption, type TileSize } from '../tiles/plan-tiles.js'
import { HMS_SCALES, orderedScales } from './scales.js'
import type { RunOptions } from './segmentation.js'

/** Elements of HRNet's finest branch per element of its coarsest branch, along each axis. */
const BRANCH_RATIO = 8

/** Overlap of the tiles that `auto` makes, in elements of the coarsest branch. */
const AUTO_OVERLAP = 4

/** The most images that run together. Larger batches are no faster on the CPU, and they delay abort and progress. */
export const MAX_BATCH = 8

/** One scale of a batch of images. */
export interface ScalePlan {
  readonly scale: number
  /** Size of the scaled images, in pixels. */
  readonly width: number
  readonly height: number
  /** One tile is the whole image. */
  readonly tiles: readonly Tile[]
}

/** Returns the scales to run, from the largest to the smallest, and the tiles of each. */
export function planScales(
  network: AnyNetwork,
  count: number,
  width: number,
  height: number,
  { scales, tile = 'auto' }: RunOptions,
): ScalePlan[] {
  const { info } = network
  return orderedScales(scales ?? (info.multiScale ? HMS_SCALES : [1])).map((scale) => {
    const scaledWidth = Math.max(info.minimumSize, Math.floor(width * scale))
    const scaledHeight = Math.max(info.minimumSize, Math.floor(height * scale))
    const tiles = tilesOf(network, count, scaledWidth, scaledHeight, tile)
    return { scale, width: scaledWidth, height: scaledHeight, tiles }
  })
}

/** Returns the number of network runs in a plan. */
export function countRuns(plan: readonly ScalePlan[], flip = false): number {
  return plan.reduce((sum, { tiles }) => sum + tiles.length, 0) * (flip ? 2 : 1)
}

/** Returns how many images of a size to run together; at least 1, even if one exceeds the memory budget. */
export function batchSize(network: AnyNetwork, width: number, height: number, options: RunOptions): number {
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
  if (tile !== 'auto') checkTileSize(tile, alignment, name)
  const size = tile === 'auto' ? tileWithinBudget(network, count, width, height, alignment) : tile
  return planTiles(width, height, size, alignment)
}

/** Returns the whole size if it fits, else halves it until a tile fits. */
function tileWithinBudget(
  network: AnyNetwork,
  N: number,
  width: number,
  height: number,
  alignment: number,
): TileSize {
  const overlap = AUTO_OVERLAP * alignment
  /** A part of a side with the overlap that its neighbors share. */
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
      ? `${info.name} exceeds its memory budget of ${mebibytes(memoryBudget)}, even for a tile of ${width}x${height}.`
      : `${info.name} needs a buffer of ${mebibytes(need.buffer)}, even for a tile of ${width}x${height}; the device allows ${mebibytes(maxBufferBytes as number)}.`,
    {
      hint: overBudget
        ? 'Free memory, raise `memoryBudget`, or use a smaller model.'
        : 'Use a smaller model or another device.',
    },
  )
}
