import { interpolation } from '../maps/interpolation.js'
import { computedRows, type RowSize } from '../maps/rows.js'
import type { Kernels } from './kernels.js'
import { allocateSpans } from './spans.js'

/** Rows in the memory of kernels: `row(y)` returns the address of a planar row, channels `rowStride(width)` apart. */
export interface PlanarRows extends RowSize {
  row(y: number): number
}

/**
 * Returns the bytes from one channel of a row to the next: an odd number of cache lines. With a power of two, the values of
 * one pixel would compete for the same lines of the cache.
 */
export const rowStride = (width: number): number => 64 * (Math.ceil(width / 16) | 1)

/** Allocates rows that are computed when they are requested. */
export function planarRows(
  kernels: Kernels,
  size: RowSize,
  compute: (y: number, into: number) => void,
): PlanarRows {
  return computedRows(size, [allocateRow(kernels, size), allocateRow(kernels, size)], compute)
}

/**
 * Resizes bilinearly, with half-pixel centers and clamped edges.
 *
 * @param from the first column of the result that is wanted
 * @param count how many are wanted
 */
export function resizePlanar(
  kernels: Kernels,
  source: PlanarRows,
  width: number,
  height: number,
  from = 0,
  count = width,
): PlanarRows {
  if (source.width === width && source.height === height && count === width) return source
  const { run } = kernels
  const { channels } = source
  const vertical = interpolation(source.height, height)
  const { start, end, rests, weights } = allocateSpans(kernels, source.width, width, from, count)
  const [stride, outStride] = [rowStride(source.width), rowStride(count)]
  const between = allocateRow(kernels, source)
  return planarRows(kernels, { width: count, height, channels }, (y, into) => {
    const top = source.row(vertical.lower[y])
    const bottom = source.row(vertical.upper[y])
    run.interpolate(top, bottom, between, stride * channels, vertical.rest[y], vertical.weight[y])
    run.stretch(between, stride, into, outStride, channels, start, end, rests, weights)
  })
}

const allocateRow = (kernels: Kernels, { width, channels }: RowSize) =>
  kernels.allocate(rowStride(width) * channels)
