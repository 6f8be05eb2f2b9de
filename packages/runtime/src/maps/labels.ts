import { interpolation, lerp } from './interpolation.js'
import type { FeatureMap, Rows } from './rows.js'

/** Class indices: one byte each for up to 256 classes, else two. */
export type Labels = Uint8Array | Uint16Array

/** Allocates labels that hold any of the classes. */
export function allocateLabels(numClasses: number, pixels: number): Labels {
  return numClasses <= 256 ? new Uint8Array(pixels) : new Uint16Array(pixels)
}

/** Returns the first class with the largest logit for every pixel of the map. */
export function argmaxLabels({ data, channels, width, height }: FeatureMap): Labels {
  const labels = allocateLabels(channels, width * height)
  for (let i = 0, at = 0; i < labels.length; i++, at += channels) labels[i] = argmax(data, at, channels)
  return labels
}

/**
 * Returns the labels of a map's bilinear enlargement, without enlarging it.
 *
 * Between four corners that agree, every pixel has their label: its logits are a convex combination of the corners' logits,
 * so the class that is largest at all corners stays largest, also after rounding. Logits are interpolated only where corners differ, which is
 * a few percent of a street scene.
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
    const ry = rows.rest[y]
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
        const rx = columns.rest[i]
        const wx = columns.weight[i]
        let best = 0
        let largest = Number.NEGATIVE_INFINITY
        for (let k = 0; k < channels; k++) {
          const upper = lerp(data[a + k], data[b + k], rx, wx)
          const lower = lerp(data[c + k], data[d + k], rx, wx)
          const logit = lerp(upper, lower, ry, wy)
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

/** What is read from full-size logits, row by row. */
export interface Readout {
  labels?: Labels
  /** Softmax probability of each pixel's label. */
  confidence?: Float32Array
  /** [numClasses, height, width] */
  logits?: Float32Array
}

/** Which of them are wanted. */
export type WantedReadout = { readonly [K in keyof Readout]: boolean }

/** Reads the wanted outputs from rows of logits, in one pass. */
export function readRows(rows: Rows, wanted: WantedReadout): Readout {
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

/** Returns a plane [height, width] of rows with one channel, with each value mapped. */
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
    // e^-20 is below float32's resolution of the sum, and most classes are further away.
    if (difference > -20) sum += exponential(difference)
  }
  return sum
}

const STEPS = 64
const exponentials = Float64Array.from({ length: 20 * STEPS + 1 }, (_, i) => Math.exp(-i / STEPS))

/**
 * Returns `e^x` for x in (-20, 0] with a relative error of 3e-9, several times as fast as `Math.exp`. The exponential of
 * the next multiple of 1/64 above x comes from a table; the rest, below 1/64, uses the first terms of the series.
 */
function exponential(x: number): number {
  const step = Math.trunc(-x * STEPS)
  const rest = x + step / STEPS
  return exponentials[step] * (1 + rest * (1 + rest * (1 / 2 + rest / 6)))
}
