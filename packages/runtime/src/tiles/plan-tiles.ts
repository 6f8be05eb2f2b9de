import { checkArgument, checkInteger, InverseFormError } from '@inverseform/errors'

/** A part of an image, in pixels. */
export interface Tile {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface TileSize {
  /** Largest sides of a tile, in pixels. */
  readonly width: number
  readonly height: number
  /** How far neighboring tiles overlap, in pixels. */
  readonly overlap: number
}

/** `never`, tiles of a given size, or `auto`: tiles only if the whole image would exceed the memory budget. */
export type TileOption = 'auto' | 'never' | TileSize

/**
 * Covers an image with overlapping tiles. Tiles start at multiples of `alignment`, the network's coarsest stride, and
 * all but the last have sides that are multiples of it. So the features of every tile lie on the grid of the whole image.
 */
export function planTiles(width: number, height: number, size: TileSize, alignment: number): Tile[] {
  const columns = spans(width, size.width, size.overlap, alignment)
  const rows = spans(height, size.height, size.overlap, alignment)
  return rows.flatMap(([y, bottom]) =>
    columns.map(([x, right]) => ({ x, y, width: right - x, height: bottom - y })),
  )
}

function spans(length: number, longest: number, overlap: number, alignment: number): [number, number][] {
  if (length <= longest) return [[0, length]]
  const side = Math.floor(longest / alignment) * alignment
  const step = side - Math.ceil(overlap / alignment) * alignment
  const count = Math.ceil((length - side) / step) + 1
  // Without overlap the last tile could be smaller than the network's smallest image; then it starts earlier.
  const last = Math.floor(length / alignment - 1) * alignment
  return Array.from({ length: count }, (_, i) => {
    const start = Math.min(i * step, last)
    return [start, Math.min(length, start + side)]
  })
}

/** @throws `invalid-argument` unless it is a valid tile option; whether tiles are large enough depends on the network */
export function checkTileOption(tile: unknown): asserts tile is TileOption {
  if (tile === 'auto' || tile === 'never') return
  const accepted = "'auto', 'never' or an object { width, height, overlap }"
  checkArgument('tile', tile, typeof tile === 'object' && tile !== null, accepted)
  const { width, height, overlap } = tile as TileSize
  checkInteger('tile.width', width, { min: 1 })
  checkInteger('tile.height', height, { min: 1 })
  checkInteger('tile.overlap', overlap, { min: 0 })
}

/** @throws `invalid-argument` unless tiles have room for more than their overlap */
export function checkTileSize(tile: TileSize, alignment: number, model: string): void {
  const { width, height, overlap } = tile
  // Without overlap too, the last tile may have to start one alignment earlier.
  const least = Math.max(2, Math.ceil(overlap / alignment) + 1) * alignment
  if (Math.min(width, height) >= least) return
  throw new InverseFormError(
    'invalid-argument',
    `\`tile\` must be at least ${least}x${least} pixels for ${model} with an overlap of ${overlap}, got ${width}x${height}.`,
    { details: { tile } },
  )
}
