import type { Tensor } from '../engine/backend.js'
import { notFinite } from './finite.js'
import { interpolation } from './interpolation.js'

/** A small map of one image, channels last: element (y, x, c) is at `(y * width + x) * channels + c`. */
export interface FeatureMap {
  readonly data: Float32Array
  readonly width: number
  readonly height: number
  readonly channels: number
}

/**
 * Returns one image of a tensor [N,C,H,W], channels last, so that all classes of a pixel are neighbors in memory. All values
 * of an output pass here once, so they are checked here.
 *
 * @param output the name of the network's output, for the message
 * @throws `inference-failed` for a value that is not finite
 */
export function featureMap(tensor: Tensor, index: number, output: string): FeatureMap {
  const [, channels, height, width] = tensor.shape
  const size = height * width
  const data = new Float32Array(channels * size)
  /** Becomes NaN with the first value that is NaN or infinite, and stays so. */
  let check = 0
  for (let c = 0; c < channels; c++) {
    const plane = tensor.data.subarray((index * channels + c) * size, (index * channels + c + 1) * size)
    for (let i = 0, to = c; i < size; i++, to += channels) {
      const value = plane[i]
      data[to] = value
      check += value - value
    }
  }
  if (check !== 0) {
    const value = data.find((each) => !Number.isFinite(each))
    throw notFinite(output, index, value)
  }
  return { data, width, height, channels }
}

/**
 * A map that is computed row by row, so that full-size logits are never in memory as a whole.
 * `row(y)` returns `width * channels` values, channels last; they stay valid until two other rows are requested.
 * Requesting rows in rising order is cheap.
 */
export interface Rows {
  readonly width: number
  readonly height: number
  readonly channels: number
  row(y: number): Float32Array
}

/** Keeps the last two rows, which bilinear interpolation requests again. */
function computedRows(
  width: number,
  height: number,
  channels: number,
  compute: (y: number, into: Float32Array) => void,
): Rows {
  const buffers = [new Float32Array(width * channels), new Float32Array(width * channels)]
  const held = [-1, -1]
  let latest = 0
  return {
    width,
    height,
    channels,
    row(y) {
      const slot = held.indexOf(y)
      if (slot >= 0) {
        latest = slot
      } else {
        latest = 1 - latest
        compute(y, buffers[latest])
        held[latest] = y
      }
      return buffers[latest]
    },
  }
}

/** Returns the rows of a map. */
export function mapRows(map: FeatureMap): Rows {
  const length = map.width * map.channels
  return { ...map, row: (y) => map.data.subarray(y * length, (y + 1) * length) }
}

/** Resizes bilinearly, with half-pixel centers and clamped edges. */
export function resizeRows(source: Rows, width: number, height: number): Rows {
  if (source.width === width && source.height === height) return source
  const { channels } = source
  const vertical = interpolation(source.height, height)
  const horizontal = interpolation(source.width, width)
  const between = new Float32Array(source.width * channels)
  return computedRows(width, height, channels, (y, into) => {
    const top = source.row(vertical.lower[y])
    const bottom = source.row(vertical.upper[y])
    const wy = vertical.weight[y]
    for (let i = 0; i < between.length; i++) between[i] = top[i] + (bottom[i] - top[i]) * wy
    for (let x = 0; x < width; x++) {
      const wx = horizontal.weight[x]
      const left = horizontal.lower[x] * channels
      const right = horizontal.upper[x] * channels
      const to = x * channels
      for (let c = 0; c < channels; c++) {
        const value = between[left + c]
        into[to + c] = value + (between[right + c] - value) * wx
      }
    }
  })
}

/** Returns `gate · values`, with a gate of one channel. */
export function gateRows(gate: Rows, values: Rows): Rows {
  const { width, height, channels } = values
  return computedRows(width, height, channels, (y, into) => {
    const g = gate.row(y)
    const v = values.row(y)
    for (let i = 0, x = 0; x < width; x++) {
      for (const end = i + channels; i < end; i++) into[i] = g[x] * v[i]
    }
  })
}

/** Returns `gated + (1 − gate) · rest`, with a gate of one channel. */
export function blendRows(gated: Rows, gate: Rows, rest: Rows): Rows {
  const { width, height, channels } = gated
  return computedRows(width, height, channels, (y, into) => {
    const a = gated.row(y)
    const g = gate.row(y)
    const b = rest.row(y)
    for (let i = 0, x = 0; x < width; x++) {
      for (const end = i + channels; i < end; i++) into[i] = a[i] + (1 - g[x]) * b[i]
    }
  })
}

/** Returns the mean of maps of one size. */
export function meanRows(sources: readonly Rows[]): Rows {
  if (sources.length === 1) return sources[0]
  const { width, height, channels } = sources[0]
  return computedRows(width, height, channels, (y, into) => {
    into.fill(0)
    for (const source of sources) {
      const row = source.row(y)
      for (let i = 0; i < into.length; i++) into[i] += row[i] / sources.length
    }
  })
}
