import { sum } from '@inverseform/shared'

/** The distances of one surface's pixels to another surface, in pixels. */
export interface DirectedDistances {
  /** Squares of the distances, ascending. */
  readonly squares: Int32Array
  readonly sum: number
  readonly greatest: number
  readonly percentile95: number
  /** For each tolerance, the number of distances within it. */
  readonly within: readonly number[]
}

/**
 * Summarizes distances.
 * @param squares squares of at least one distance, in any order; not kept
 */
export function directedDistances(squares: Int32Array, tolerances: readonly number[]): DirectedDistances {
  const sorted = squares.slice().sort()
  const roots = Float64Array.from(sorted, Math.sqrt)
  return {
    squares: sorted,
    sum: sum(roots),
    greatest: roots[roots.length - 1],
    percentile95: quantile(sorted, 0.95),
    within: tolerances.map((tolerance) => roots.filter((distance) => distance <= tolerance).length),
  }
}

/** Returns a quantile of both surfaces' distances together. */
export function pooledQuantile(a: DirectedDistances, b: DirectedDistances, q: number): number {
  const pooled = new Int32Array(a.squares.length + b.squares.length)
  pooled.set(a.squares)
  pooled.set(b.squares, a.squares.length)
  return quantile(pooled.sort(), q)
}

/** Returns a quantile of the roots of ascending squares, interpolated linearly (NumPy's default). */
function quantile(squares: Int32Array, q: number): number {
  const place = (squares.length - 1) * q
  const below = Math.floor(place)
  const low = Math.sqrt(squares[below])
  const high = Math.sqrt(squares[Math.min(below + 1, squares.length - 1)])
  return low + (high - low) * (place - below)
}
