import { type Axis, type Curve, ticks } from '../metrics/chart.js'

/** Curves have at most this many points, however long a run is. */
const POINTS = 300
/** The smoothed line averages over this part of the steps, to each side. */
const SMOOTHED_PART = 1 / 100

/**
 * Returns a value over the steps as its smoothed line and the range of the raw values around it, each of a few hundred points.
 * The line is a mean over the steps around, not only those before, so that it does not lag behind.
 */
export function smoothedCurve(steps: readonly number[], values: readonly number[]): Curve {
  const count = steps.length
  const size = Math.ceil(count / POINTS)
  // Sums and numbers of the finite values before each step.
  const sums = new Float64Array(count + 1)
  const numbers = new Float64Array(count + 1)
  for (const [i, value] of values.entries()) {
    const isKnown = Number.isFinite(value)
    sums[i + 1] = sums[i] + (isKnown ? value : 0)
    numbers[i + 1] = numbers[i] + (isKnown ? 1 : 0)
  }
  const reach = Math.round(Math.max(count * SMOOTHED_PART, size / 2))
  const points: [number, number][] = []
  const range: [number, number, number][] = []
  for (let from = 0; from < count; from += size) {
    const part = values.slice(from, from + size).filter(Number.isFinite)
    if (part.length === 0) continue
    const at = Math.min(from + (size >> 1), count - 1)
    const [first, end] = [Math.max(0, at - reach), Math.min(count, at + reach + 1)]
    points.push([steps[at], (sums[end] - sums[first]) / (numbers[end] - numbers[first])])
    range.push([steps[at], Math.min(...part), Math.max(...part)])
  }
  return { points, range }
}

/** Returns a value that needs no smoothing, at a few hundred of the steps. */
export function plainCurve(steps: readonly number[], values: readonly number[]): Curve {
  const size = Math.ceil(steps.length / POINTS)
  return {
    points: steps.flatMap((step, i): [number, number][] =>
      i % size === 0 || i === steps.length - 1 ? [[step, values[i]]] : [],
    ),
  }
}

/** Returns an axis that shows the lines of curves, and of the raw values around them what is near. */
export function valueAxis(curves: readonly Curve[]): Axis {
  const values = curves.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite)
  const low = Math.min(...values)
  const high = Math.max(...values)
  const room = (high - low) / 10 || Math.abs(high) / 2 || 1
  return {
    label: '',
    // Rates and losses do not go below 0.
    ticks: ticks(low >= 0 ? Math.max(0, low - room) : low - room, high + room, Number.MIN_VALUE),
    text: (value) => String(Number(value.toPrecision(6))),
  }
}
