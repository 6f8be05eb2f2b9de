import type { Tensor } from '../engine/backend.js'
import { notFinite } from './finite.js'
import { interpolation, lerp } from './interpolation.js'

const { fround } = Math

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
 * @param mirrored whether to swap left and right
 * @throws `inference-failed` for a value that is not finite
 */
export function featureMap(tensor: Tensor, index: number, output: string, mirrored = false): FeatureMap {
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
  const map = { data, width, height, channels }
  return mirrored ? mirrorMap(map) : map
}

function mirrorMap({ data, width, height, channels }: FeatureMap): FeatureMap {
  const mirrored = new Float32Array(data.length)
  for (let pixel = 0; pixel < width * height; pixel++) {
    const from = pixel * channels
    const x = pixel % width
    mirrored.set(data.subarray(from, from + channels), (pixel - x + (width - 1 - x)) * channels)
  }
  return { data: mirrored, width, height, channels }
}

/**
 * A map that is computed row by row, so that full-size logits are never in memory as a whole.
 * `row(y)` returns `width * channels` values, channels last; they stay valid until two other rows are requested.
 * Requesting rows in rising order is cheap.
 */
export interface Rows extends RowSize {
  row(y: number): Float32Array
}

export interface RowSize {
  readonly width: number
  readonly height: number
  readonly channels: number
}

/**
 * Keeps the last two rows, which bilinear interpolation requests again.
 *
 * @param buffers two places for rows
 */
export function computedRows<Row>(
  { width, height, channels }: RowSize,
  buffers: readonly Row[],
  compute: (y: number, into: Row) => void,
): RowSize & { row(y: number): Row } {
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

const twoRows = ({ width, channels }: RowSize) => [
  new Float32Array(width * channels),
  new Float32Array(width * channels),
]

/** Returns the rows of a map. */
export function mapRows(map: FeatureMap): Rows {
  const length = map.width * map.channels
  return { ...map, row: (y) => map.data.subarray(y * length, (y + 1) * length) }
}

/** Resizes bilinearly, with half-pixel centers and clamped edges. */
export function resizeRows(source: Rows, width: number, height: number): Rows {
  if (source.width === width && source.height === height) return source
  const { channels } = source
  const size = { width, height, channels }
  const vertical = interpolation(source.height, height)
  const horizontal = interpolation(source.width, width)
  const between = new Float32Array(source.width * channels)
  return computedRows(size, twoRows(size), (y, into) => {
    const top = source.row(vertical.lower[y])
    const bottom = source.row(vertical.upper[y])
    const ry = vertical.rest[y]
    const wy = vertical.weight[y]
    for (let i = 0; i < between.length; i++) between[i] = lerp(top[i], bottom[i], ry, wy)
    for (let x = 0; x < width; x++) {
      const rx = horizontal.rest[x]
      const wx = horizontal.weight[x]
      const left = horizontal.lower[x] * channels
      const right = horizontal.upper[x] * channels
      const to = x * channels
      for (let c = 0; c < channels; c++) {
        into[to + c] = lerp(between[left + c], between[right + c], rx, wx)
      }
    }
  })
}

/** Returns `gate · values`, with a gate of one channel. */
export function gateRows(gate: Rows, values: Rows): Rows {
  const { width, channels } = values
  return computedRows(values, twoRows(values), (y, into) => {
    const g = gate.row(y)
    const v = values.row(y)
    for (let i = 0, x = 0; x < width; x++) {
      for (const end = i + channels; i < end; i++) into[i] = g[x] * v[i]
    }
  })
}

/** Returns `gated + (1 − gate) · rest`, with a gate of one channel. */
export function blendRows(gated: Rows, gate: Rows, rest: Rows): Rows {
  const { width, channels } = gated
  return computedRows(gated, twoRows(gated), (y, into) => {
    const a = gated.row(y)
    const g = gate.row(y)
    const b = rest.row(y)
    for (let i = 0, x = 0; x < width; x++) {
      for (const end = i + channels; i < end; i++) into[i] = a[i] + fround(fround(1 - g[x]) * b[i])
    }
  })
}

/** Returns the mean of maps of one size. */
export function meanRows(sources: readonly Rows[]): Rows {
  if (sources.length === 1) return sources[0]
  return computedRows(sources[0], twoRows(sources[0]), (y, into) => {
    into.fill(0)
    for (const source of sources) {
      const row = source.row(y)
      for (let i = 0; i < into.length; i++) into[i] += fround(row[i] / sources.length)
    }
  })
}
