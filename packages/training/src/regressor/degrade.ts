import { type BoundaryPairs, transformMatrix, transformParameters } from '@inverseform/core/training'
import type { Random } from '@inverseform/shared'

/** A batch as the training step takes it. */
export interface RegressorBatch {
  /** Target tiles, [pairs, 1, height, width]. */
  readonly tiles: Float32Array
  /** Predicted tiles of the same shape. */
  readonly predictions: Float32Array
  /** [pairs, parameters]. */
  readonly parameters: Float32Array
}

/** How much larger than the identity both scales are for a prediction that has nothing in common with the target. */
const SHRINKAGE = 0.25
/** Differences of probability between boundary and surroundings from here up count as a complete boundary. */
const FULL_CONTRAST = 0.6

/**
 * Makes transformed boundaries look like the edge probabilities of a network: blurred, soft, thick or thin, noisy, with parts
 * missing and others that should not be there. Targets stay crisp, but a few become empty.
 *
 * Blur, softness and thickness do not change the parameters. What is missing, faint or wrong does: it counts as shrinkage, up to
 * a factor of 1.25, because a boundary that shrinks to nothing disappears. So a prediction of nothing has a large distance
 * from the target. Parameters that have no scale (displacements alone) stay as they are.
 */
export function degrade({ tiles, warped, parameters }: BoundaryPairs, random: Random): RegressorBatch {
  const [pairs, , height, width] = tiles.shape
  const size = height * width
  const count = parameters.shape[1]
  const batch = {
    tiles: Float32Array.from(tiles.data),
    predictions: Float32Array.from(warped.data),
    parameters: Float32Array.from(parameters.data),
  }
  const canvas = new Canvas(height, width, random)
  for (let pair = 0; pair < pairs; pair++) {
    const own = pair * size
    const other = ((pair + 1) % pairs) * size
    const row = batch.parameters.subarray(pair * count, (pair + 1) * count)
    const prediction = batch.predictions.subarray(own, own + size)
    const blank = random() < 0.06
    if (blank) {
      batch.tiles.fill(0, own, own + size)
      prediction.fill(0)
      row.set(identity(count))
    }
    let mismatch = 0
    if (random() < 0.25) mismatch = canvas.erase(prediction)
    if (random() < 0.25) {
      const extra = canvas.paste(prediction, warped.data, other)
      mismatch = 1 - (1 - mismatch) * (1 - extra)
    }
    if (random() < 0.75) {
      const { boundary, surroundings } = canvas.soften(prediction)
      const faint = Math.max(0, 1 - (boundary - surroundings) / FULL_CONTRAST)
      const visible = blank && mismatch === 0 ? 1 - Math.min(1, 2 * surroundings) : 1 - faint
      mismatch = 1 - (1 - mismatch) * visible
    }
    if (count > 2 && mismatch > 0) row.set(shrunk(row, mismatch))
  }
  return batch
}

function identity(count: number): number[] {
  return transformParameters([1, 0, 0, 0, 1, 0, 0, 0, 1], count)
}

/** Returns the parameters of a transformation of a boundary that is smaller than it should be. */
function shrunk(parameters: Float32Array, mismatch: number): number[] {
  const factor = 1 + SHRINKAGE * mismatch
  const matrix = transformMatrix(parameters).map((element, i) => (i % 3 < 2 ? element * factor : element))
  return transformParameters(matrix, parameters.length)
}

/** Changes tiles of one size in place. */
class Canvas {
  readonly #height: number
  readonly #width: number
  readonly #random: Random
  readonly #rows: Float32Array
  readonly #noise: Float32Array

  constructor(height: number, width: number, random: Random) {
    this.#height = height
    this.#width = width
    this.#random = random
    this.#rows = new Float32Array(height * width)
    this.#noise = new Float32Array(height * width)
  }

  /** Erases a disc. Returns the share of the boundary that it held. */
  erase(tile: Float32Array): number {
    let all = 0
    let erased = 0
    const inside = this.#disc()
    for (let p = 0; p < tile.length; p++) {
      all += tile[p]
      if (!inside(p)) continue
      erased += tile[p]
      tile[p] = 0
    }
    return all > 0 ? erased / all : 0
  }

  /** Adds a disc of another tile. Returns the share of it in the boundary. */
  paste(tile: Float32Array, source: ArrayLike<number>, offset: number): number {
    let all = 0
    let added = 0
    const inside = this.#disc()
    for (let p = 0; p < tile.length; p++) {
      const before = tile[p]
      if (inside(p)) tile[p] = Math.max(before, source[offset + p])
      all += tile[p]
      added += tile[p] - before
    }
    return all > 0 ? added / all : 0
  }

  /** Replaces a tile by probabilities. Returns those on the boundary and away from it. */
  soften(tile: Float32Array): { readonly boundary: number; readonly surroundings: number } {
    const random = this.#random
    this.#blur(tile, 1.6 * random())
    let peak = 0
    for (let p = 0; p < tile.length; p++) peak = Math.max(peak, tile[p])
    // Logits rise from -gain · threshold to gain · (1 - threshold). A high threshold thins boundaries, or leaves none.
    const gain = 2 * 12 ** random()
    const threshold = random() < 0.15 ? 0.7 + 0.9 * random() : 0.25 + 0.45 * random()
    const amplitude = random() < 0.5 ? 0 : 4 * random()
    if (amplitude > 0) {
      for (let p = 0; p < tile.length; p++) this.#noise[p] = 2 * random() - 1
      this.#blur(this.#noise, 0.5 + random())
    }
    const scale = peak > 0.05 ? 1 / peak : 1
    for (let p = 0; p < tile.length; p++) {
      const noise = amplitude > 0 ? amplitude * this.#noise[p] : 0
      tile[p] = sigmoid(gain * (tile[p] * scale - threshold) + noise)
    }
    return { boundary: sigmoid(gain * (1 - threshold)), surroundings: sigmoid(-gain * threshold) }
  }

  #disc(): (pixel: number) => boolean {
    const [height, width, random] = [this.#height, this.#width, this.#random]
    const [y, x] = [height * random(), width * random()]
    const radius = Math.min(height, width) * (0.1 + 0.6 * random())
    return (p) => (Math.floor(p / width) - y) ** 2 + ((p % width) - x) ** 2 < radius * radius
  }

  /** Gaussian blur; the border is repeated. */
  #blur(tile: Float32Array, sigma: number): void {
    const radius = Math.ceil(2 * sigma)
    const kernel = Array.from({ length: 2 * radius + 1 }, (_, i) =>
      Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2 + 1e-9)),
    )
    const total = kernel.reduce((sum, weight) => sum + weight, 0)
    const weights = Float32Array.from(kernel, (weight) => weight / total)
    const [height, width, rows] = [this.#height, this.#width, this.#rows]
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let sum = 0
        for (let k = -radius; k <= radius; k++) {
          sum += weights[k + radius] * tile[y * width + Math.min(Math.max(x + k, 0), width - 1)]
        }
        rows[y * width + x] = sum
      }
    }
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let sum = 0
        for (let k = -radius; k <= radius; k++) {
          sum += weights[k + radius] * rows[Math.min(Math.max(y + k, 0), height - 1) * width + x]
        }
        tile[y * width + x] = sum
      }
    }
  }
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
