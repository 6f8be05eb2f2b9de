import type { FeatureMap } from './feature-map.js'
import { interpolation } from './interpolation.js'
import type { Rows } from './rows.js'

/** Class indices, one byte each where the number of classes allows. */
export type Labels = Uint8Array | Uint16Array

export function allocateLabels(classes: number, pixels: number): Labels {
  return classes <= 256 ? new Uint8Array(pixels) : new Uint16Array(pixels)
}

/** The first class with the largest logit, for every pixel of the map. */
export function argmaxLabels({ data, channels, width, height }: FeatureMap): Labels {
  const labels = allocateLabels(channels, width * height)
  for (let i = 0, at = 0; i < labels.length; i++, at += channels) labels[i] = argmax(data, at, channels)
  return labels
}

/**
 * The labels of a map's bilinear enlargement, without enlarging it.
 *
 * Between four corners that agree, every pixel has their label: its logits are one convex combination of the
 * corners' for all classes, and what is largest at all corners stays largest. Only where corners differ are the
 * logits interpolated, a few per cent of a street scene.
 */
export function enlargedLabels(map: FeatureMap, width: number, height: number): Labels {
  const { data, channels } = map
  const small = argmaxLabels(map)
  const labels = allocateLabels(channels, width * height)
  const rows = interpolation(map.height, height)
  const columns = interpolation(map.width, width)
  for (let y = 0; y < height; y++) {
    const top = rows.lower[y] * map.width
    const bottom = rows.upper[y] * map.width
    const wy = rows.weight[y]
    for (let x = 0, end = 0; x < width; x = end) {
      const left = columns.lower[x]
      const right = columns.upper[x]
      for (end = x + 1; end < width && columns.lower[end] === left; ) end++
      const label = small[top + left]
      if (label === small[top + right] && label === small[bottom + left] && label === small[bottom + right]) {
        labels.fill(label, y * width + x, y * width + end)
        continue
      }
      const [a, b] = [(top + left) * channels, (top + right) * channels]
      const [c, d] = [(bottom + left) * channels, (bottom + right) * channels]
      for (let i = x; i < end; i++) {
        const wx = columns.weight[i]
        let best = 0
        let largest = Number.NEGATIVE_INFINITY
        for (let k = 0; k < channels; k++) {
          const upper = data[a + k] * (1 - wx) + data[b + k] * wx
          const lower = data[c + k] * (1 - wx) + data[d + k] * wx
          const logit = upper * (1 - wy) + lower * wy
          if (logit > largest) {
            largest = logit
            best = k
          }
        }
        labels[y * width + i] = best
      }
    }
  }
  return labels
}

/** What is read off full-size logits, as they pass by. */
export interface Readout {
  labels?: Labels
  /** Softmax probability of each pixel's label. */
  confidence?: Float32Array
  /** [classes, height, width] */
  logits?: Float32Array
}

/** Reads what is asked for off rows of logits, in one pass. */
export function readRows(rows: Rows, wanted: { [K in keyof Readout]: boolean }): Readout {
  const { width, height, channels } = rows
  const pixels = width * height
  const labels = allocateLabels(channels, wanted.labels ? pixels : 0)
  const confidence = new Float32Array(wanted.confidence ? pixels : 0)
  const logits = new Float32Array(wanted.logits ? pixels * channels : 0)
  for (let y = 0; y < height; y++) {
    const row = rows.row(y)
    for (let x = 0, at = 0; x < width; x++, at += channels) {
      const pixel = y * width + x
      if (wanted.labels || wanted.confidence) {
        const label = argmax(row, at, channels)
        if (wanted.labels) labels[pixel] = label
        if (wanted.confidence) confidence[pixel] = 1 / sumOfExponentials(row, at, channels, row[at + label])
      }
      if (wanted.logits) for (let k = 0; k < channels; k++) logits[k * pixels + pixel] = row[at + k]
    }
  }
  return {
    ...(wanted.labels && { labels }),
    ...(wanted.confidence && { confidence }),
    ...(wanted.logits && { logits }),
  }
}

/** One plane [height, width] of rows with one channel, each value mapped. */
export function readPlane(rows: Rows, map: (value: number) => number): Float32Array {
  const plane = new Float32Array(rows.width * rows.height)
  for (let y = 0, to = 0; y < rows.height; y++) {
    const row = rows.row(y)
    for (let x = 0; x < rows.width; x++, to++) plane[to] = map(row[x])
  }
  return plane
}

function argmax(values: Float32Array, start: number, count: number): number {
  let best = 0
  let largest = values[start]
  for (let k = 1; k < count; k++) {
    if (values[start + k] > largest) {
      largest = values[start + k]
      best = k
    }
  }
  return best
}

function sumOfExponentials(values: Float32Array, start: number, count: number, largest: number): number {
  let sum = 0
  for (let k = 0; k < count; k++) {
    const difference = values[start + k] - largest
    // e^-20 is below float32's resolution of the sum, and most classes are further off than that.
    if (difference > -20) sum += exponential(difference)
  }
  return sum
}

const STEPS = 64
const exponentials = Float64Array.from({ length: 20 * STEPS + 1 }, (_, i) => Math.exp(-i / STEPS))

/**
 * `e^x` for x in (-20, 0], to a relative 3e-9 and several times as fast as `Math.exp`: the exponential of the next
 * 64th above x from a table, that of the rest, less than 1/64, by the first terms of its series.
 */
function exponential(x: number): number {
  const step = Math.trunc(-x * STEPS)
  const rest = x + step / STEPS
  return exponentials[step] * (1 + rest * (1 + rest * (1 / 2 + rest / 6)))
}
