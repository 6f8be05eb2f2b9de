import type { FeatureMap } from './feature-map.js'
import { interpolation } from './interpolation.js'

/**
 * A map that is computed a row at a time, so that full-size logits never exist as a whole.
 * `row(y)` gives `width * channels` values, channels last; they stay valid while one other row is asked for.
 * Rows are cheap to ask for in rising order.
 */
export interface Rows {
  readonly width: number
  readonly height: number
  readonly channels: number
  row(y: number): Float32Array
}

/** Remembers the two rows computed last, which is what bilinear interpolation asks for again. */
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

export function mapRows(map: FeatureMap): Rows {
  const length = map.width * map.channels
  return { ...map, row: (y) => map.data.subarray(y * length, (y + 1) * length) }
}

/** Bilinear resizing, half-pixel centres, edges clamped. */
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

/** `gate · values`, with a gate of one channel. */
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

/** `gated + (1 − gate) · rest`, with a gate of one channel. */
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
