import type { IntegerArray } from '../inputs.js'
import { distanceTransform } from './distance-transform.js'

/** Rows and columns to the eight neighbours, in the published code's order, which settles ties. */
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

/** Where the true boundary lies from each pixel. Arrays of height x width. */
export interface BoundaryDirections {
  /** Place in {@link directions} of the neighbour nearest to the boundary. */
  readonly nearest: Int32Array
  /** 1 unless the pixel is nearer to the boundary than all its neighbours. */
  readonly directed: Uint8Array
  /** Distance to the boundary: 0 on it and beside it, and growing from there. */
  readonly distances: Float64Array
}

/**
 * @param exact keep the fractions of distances
 * @returns nothing when no label of the image differs from its neighbours' and none is ignored
 */
export function boundaryDirections(
  labels: IntegerArray,
  height: number,
  width: number,
  ignoreIndex: number,
  exact: boolean,
): BoundaryDirections | undefined {
  const boundary = new Uint8Array(height * width)
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const label = labels[i]!
      const below = y + 1 < height && labels[i + width] !== label
      const right = x + 1 < width && labels[i + 1] !== label
      boundary[i] = below || right || label === ignoreIndex ? 1 : 0
    }
  }
  if (!boundary.includes(1)) return undefined
  const distances = distanceTransform(boundary, height, width)
  for (let i = 0; i < distances.length; i++) {
    const distance = Math.max(distances[i]! - 1, 0)
    distances[i] = exact ? distance : Math.floor(distance)
  }
  const nearest = new Int32Array(boundary.length)
  const directed = new Uint8Array(boundary.length)
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      let least = Number.POSITIVE_INFINITY
      directions.forEach(([rows, columns], d) => {
        const outside = y + rows < 0 || y + rows >= height || x + columns < 0 || x + columns >= width
        const distance = outside ? Number.POSITIVE_INFINITY : distances[i + rows * width + columns]!
        if (distance >= least) return
        least = distance
        nearest[i] = d
      })
      directed[i] = least <= distances[i]! ? 1 : 0
    }
  }
  return { nearest, directed, distances }
}
