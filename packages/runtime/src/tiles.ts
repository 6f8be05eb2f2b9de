import { InverseFormError } from '@inverseform/errors'
import type { Blender } from './engine.js'
import type { Tensor } from './tensor.js'

/** A part of an image, in pixels. */
export interface Tile {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface TileSize {
  /** Longest sides of a tile, in pixels. */
  readonly width: number
  readonly height: number
  /** How far neighbours reach into each other, in pixels. */
  readonly overlap: number
}

/** `never`, tiles of a given size, or `auto`: tiles only when the whole would pass the memory budget. */
export type TileOption = 'auto' | 'never' | TileSize

/**
 * Covers an image with overlapping tiles. They start at multiples of `alignment`, the network's coarsest stride, and
 * all but the last are multiples of it long, so that every tile's features lie on the grid that the whole image's would.
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
  // Without overlap the last one could be smaller than the network's smallest image: it reaches back then.
  const last = Math.floor(length / alignment - 1) * alignment
  return Array.from({ length: count }, (_, i) => {
    const start = Math.min(i * step, last)
    return [start, Math.min(length, start + side)]
  })
}

/** @throws `invalid-argument` for a tile that has no room for more than its overlap. */
export function requireTileSize(
  { width, height, overlap }: TileSize,
  alignment: number,
  model: string,
): void {
  const whole = [width, height, overlap].every(Number.isInteger) && overlap >= 0
  // Also without overlap, the last tile may have to reach back by one alignment.
  const least = Math.max(2, Math.ceil(overlap / alignment) + 1) * alignment
  if (whole && Math.min(width, height) >= least) return
  throw new InverseFormError(
    'invalid-argument',
    `Tiles of ${width}x${height} with an overlap of ${overlap} were asked for.`,
    {
      hint: whole
        ? `With this overlap, ${model} needs tiles of at least ${least}x${least}.`
        : "Give a tile's width, height and overlap in whole pixels, the overlap 0 or more.",
    },
  )
}

/** A part of a batch of images [N,C,H,W]. */
export function cropTile({ data, shape }: Tensor, tile: Tile): Tensor {
  const [n, channels, height, width] = shape
  const cropped = new Float32Array(n * channels * tile.height * tile.width)
  for (let plane = 0, to = 0; plane < n * channels; plane++) {
    for (let y = tile.y; y < tile.y + tile.height; y++, to += tile.width) {
      const from = (plane * height + y) * width + tile.x
      cropped.set(data.subarray(from, from + tile.width), to)
    }
  }
  return { data: cropped, shape: [n, channels, tile.height, tile.width] }
}

export class TileBlender implements Blender<Tensor> {
  private readonly sum: Float32Array
  private readonly weight: Float32Array

  /** @param shape [N,C,height,width] of the whole map */
  constructor(private readonly shape: readonly number[]) {
    const [n, channels, height, width] = shape
    this.sum = new Float32Array(n * channels * height * width)
    this.weight = new Float32Array(height * width)
  }

  /** Adds a tile's map, whose first element lies at (`x`, `y`) of the whole. */
  add({ data, shape: [n, channels, h, w] }: Tensor, x: number, y: number): void {
    const [, , height, width] = this.shape
    const columns = ramp(w, x > 0, x + w < width)
    const rows = ramp(h, y > 0, y + h < height)
    for (let plane = 0, from = 0; plane < n * channels; plane++) {
      for (let j = 0; j < h; j++) {
        const at = (y + j) * width + x
        for (let i = 0; i < w; i++, from++) {
          const weight = rows[j] * columns[i]
          this.sum[plane * height * width + at + i] += weight * data[from]
          if (plane === 0) this.weight[at + i] += weight
        }
      }
    }
  }

  finish(): Tensor {
    for (let start = 0; start < this.sum.length; start += this.weight.length) {
      for (let i = 0; i < this.weight.length; i++) this.sum[start + i] /= this.weight[i]
    }
    return { data: this.sum, shape: this.shape }
  }
}

/** Distance, in elements from 1, to the nearest end that has a neighbour. */
function ramp(length: number, before: boolean, after: boolean): Float32Array {
  return Float32Array.from({ length }, (_, i) =>
    Math.min(before ? i + 1 : length, after ? length - i : length),
  )
}
