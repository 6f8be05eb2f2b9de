import type { Tensor } from '../engine/backend.js'
import type { Blender } from '../engine/engine.js'
import type { Tile } from './plan-tiles.js'

/** Copies a part of a batch of images [N,C,H,W]. */
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

/** Blends the maps of tiles in plain arrays. */
export class TileBlender implements Blender<Tensor> {
  readonly #sum: Float32Array
  readonly #weight: Float32Array
  readonly #shape: readonly number[]

  /** @param shape [N,C,height,width] of the whole map */
  constructor(shape: readonly number[]) {
    this.#shape = shape
    const [n, channels, height, width] = shape
    this.#sum = new Float32Array(n * channels * height * width)
    this.#weight = new Float32Array(height * width)
  }

  add({ data, shape: [n, channels, h, w] }: Tensor, x: number, y: number): void {
    const [, , height, width] = this.#shape
    const columns = ramp(w, x > 0, x + w < width)
    const rows = ramp(h, y > 0, y + h < height)
    for (let plane = 0, from = 0; plane < n * channels; plane++) {
      for (let j = 0; j < h; j++) {
        const at = (y + j) * width + x
        for (let i = 0; i < w; i++, from++) {
          const weight = rows[j] * columns[i]
          this.#sum[plane * height * width + at + i] += weight * data[from]
          if (plane === 0) this.#weight[at + i] += weight
        }
      }
    }
  }

  finish(): Tensor {
    for (let start = 0; start < this.#sum.length; start += this.#weight.length) {
      for (let i = 0; i < this.#weight.length; i++) this.#sum[start + i] /= this.#weight[i]
    }
    return { data: this.#sum, shape: this.#shape }
  }
}

/** Returns distances, in elements from 1, to the nearest end that has a neighbor. */
function ramp(length: number, before: boolean, after: boolean): Float32Array {
  return Float32Array.from({ length }, (_, i) =>
    Math.min(before ? i + 1 : length, after ? length - i : length),
  )
}
