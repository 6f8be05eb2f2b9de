import type { IntegerArray } from '../inputs.js'
import { distanceTransform } from './distance-transform.js'

/** Row and column offsets of the eight neighbors. The order is that of the published code and breaks ties. */
export const directions = [
  [1, 0],
  [-1, 0],
  [0, -1],
  [0, 1],
  [-1, 1],
  [1, 1],
  [-1, -1],
  [1, -1],
] as const

/** The direction from each pixel to the target boundary. Arrays are height x width. */
export interface BoundaryDirections {
  /** Index in {@link directions} of the neighbor nearest to the boundary. */
  readonly nearest: Int32Array
  /** 0 if the pixel is nearer to the boundary than all its neighbors, else 1. */
  readonly directed: Uint8Array
  /** Distance to the boundary: 0 on it and next to it, growing from there. */
  readonly distances: Float64Array
}

/**
 * Finds the direction from each pixel to the nearest boundary of the target.
 *
 * @param exact keeps the fractions of distances
 * @returns undefined for an image without boundary or ignored pixels
 */
export function boundaryDirections(
  target: IntegerArray,
  height: number,
  width: number,
  ignoreIndex: number,
  exact: boolean,
): BoundaryDirections | undefined {
  const boundary = new Uint8Array(height * width)
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const value = target[i]
      const below = y + 1 < height && target[i + width] !== value
      const right = x + 1 < width && target[i + 1] !== value
      boundary[i] = below || right || value === ignoreIndex ? 1 : 0
    }
  }
  if (!boundary.includes(1)) return undefined
  const distances = distanceTransform(boundary, height, width)
  for (let i = 0; i < distances.length; i++) {
    const distance = Math.max(distances[i] - 1, 0)
    distances[i] = exact ? distance : Math.floor(distance)
  }
  const nearest = new Int32Array(boundary.length)
  const directed = new Uint8Array(boundary.length)
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      let least = Number.POSITIVE_INFINITY
      directions.forEach(([rows, columns], d) => {
        const outside = y + rows < 0 || y + rows >= height || x + columns < 0 || x + columns >= width
        const distance = outside ? Number.POSITIVE_INFINITY : distances[i + rows * width + columns]
        if (distance >= least) return
        least = distance
        nearest[i] = d
      })
      directed[i] = least <= distances[i] ? 1 : 0
    }
  }
  return { nearest, directed, distances }
}
