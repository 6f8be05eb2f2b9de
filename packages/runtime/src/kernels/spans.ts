import { type Interpolation, interpolation } from '../maps/interpolation.js'
import type { Kernels } from './kernels.js'

/** Interpolation along rows, in the memory of the kernels. */
export interface Spans {
  readonly start: number
  readonly end: number
  readonly rests: number
  readonly weights: number
}

/**
 * Allocates the spans that stretch a row.
 *
 * @param from the first output position that is wanted
 * @param count how many are wanted
 */
export function allocateSpans(
  kernels: Kernels,
  inputSize: number,
  outputSize: number,
  from = 0,
  count = outputSize,
): Spans {
  const columns = interpolation(inputSize, outputSize)
  const spans = spansOf(columns, from, from + count)
  const start = kernels.copy(spans)
  return {
    start,
    end: start + spans.byteLength,
    rests: kernels.copy(columns.rest.subarray(from, from + count)),
    weights: kernels.copy(columns.weight.subarray(from, from + count)),
  }
}

/** See `assembly/kernels.ts`. */
function spansOf({ lower, upper }: Interpolation, from: number, to: number): Uint32Array {
  const spans: number[] = []
  for (let x = from, end = from; x < to; x = end) {
    for (end = x + 1; end < to && end < x + 4 && lower[end] === lower[x]; ) end++
    spans.push(4 * lower[x], 4 * upper[x], x - from, end - x)
  }
  return Uint32Array.from(spans)
}
