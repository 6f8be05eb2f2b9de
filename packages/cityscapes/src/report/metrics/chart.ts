import { escapeText } from '../format.js'

const [WIDTH, HEIGHT] = [440, 270]
const [LEFT, TOP, RIGHT, BOTTOM] = [56, 14, 18, 48]

/** An axis from the first of its ticks to the last. */
export interface Axis {
  /** Quantity and unit. */
  readonly label: string
  /** At least two ascending values. */
  readonly ticks: readonly number[]
  /** Formats a tick. */
  readonly text: (value: number) => string
}

/** A mark with a tooltip. */
interface Titled {
  readonly title: string
}

export interface LineChart {
  /** Description for screen readers. */
  readonly label: string
  readonly x: Axis
  readonly y: Axis
  /** From left to right; the line breaks where y is NaN. */
  readonly points: readonly (Titled & { readonly x: number; readonly y: number })[]
  /** Whether to draw the diagonal x = y. */
  readonly diagonal?: boolean
}

/**
 * Returns two to about six round numbers that cover low..high; their step is 1, 2 or 5 times a power of ten.
 * @param smallest the smallest step, such as 1 for counts
 */
export function ticks(low: number, high: number, smallest: number): number[] {
  const wanted = (high - low) / 5
  const power = 10 ** Math.floor(Math.log10(wanted))
  const round = [1, 2, 5].find((factor) => factor * power >= wanted) ?? 10
  const step = Math.max(smallest, wanted > 0 ? round * power : 0)
  // Values that differ from a tick only by rounding need no further tick.
  let first = Math.floor(low / step + 1e-9)
  let last = Math.ceil(high / step - 1e-9)
  if (first === last) first > 0 ? first-- : last++
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

/** Draws a curve with its points as SVG; the page defines the colors. */
export function lineChart({ label, x, y, points, diagonal = false }: LineChart): string {
  return plot(label, x, y, (across, down) => {
    const line = points
      .map((point, i) => {
        if (Number.isNaN(point.y)) return ''
        const start = i === 0 || Number.isNaN(points[i - 1].y)
        return `${start ? 'M' : 'L'}${across(point.x)} ${down(point.y)}`
      })
      .join('')
    const dots = points
      .filter((point) => !Number.isNaN(point.y))
      .map(
        (point) =>
          `<circle cx="${across(point.x)}" cy="${down(point.y)}" r="4"><title>${escapeText(point.title)}</title></circle>`,
      )
    const corners = `M${LEFT} ${HEIGHT - BOTTOM}L${WIDTH - RIGHT} ${TOP}`
    return `${diagonal ? `<path class="reference" d="${corners}"/>` : ''}<path class="line" d="${line}"/>${dots.join('')}`
  })
}

/** A line of many points without marks, such as a value over training. */
export interface Curve {
  /** Class of its path, which the page gives a color; default `line`. */
  readonly style?: string
  /** From left to right; the line breaks where y is NaN. */
  readonly points: readonly (readonly [x: number, y: number])[]
  /** The area between the lowest and the highest values, drawn under the line. */
  readonly range?: readonly (readonly [x: number, low: number, high: number])[]
  /** Whether each point has a mark. */
  readonly marks?: boolean
}

export interface CurveChart {
  /** Description for screen readers. */
  readonly label: string
  readonly x: Axis
  /** Values outside its ticks are drawn at its ends. */
  readonly y: Axis
  readonly curves: readonly Curve[]
}

/** Draws curves as SVG; the page defines the colors. */
export function curveChart({ label, x, y, curves }: CurveChart): string {
  const [bottom, top] = [y.ticks[0], y.ticks.at(-1) as number]
  const within = (value: number): number => Math.min(Math.max(value, bottom), top)
  return plot(label, x, y, (across, down) => {
    const at = (place: number, value: number) => `${across(place)} ${down(within(value))}`
    const areas = curves.map(({ range = [] }) => {
      if (range.length < 2) return ''
      const high = range.map(([x, , high]) => at(x, high))
      const low = range.map(([x, low]) => at(x, low)).reverse()
      return `<path class="range" d="M${[...high, ...low].join('L')}Z"/>`
    })
    const lines = curves.map(({ points, style = 'line', marks }) => {
      const known = points.filter(([, value]) => !Number.isNaN(value))
      const path = points.map(([x, value], i) => {
        if (Number.isNaN(value)) return ''
        return `${i === 0 || Number.isNaN(points[i - 1][1]) ? 'M' : 'L'}${at(x, value)}`
      })
      const dots = marks
        ? known.map(([x, value]) => `<circle cx="${across(x)}" cy="${down(within(value))}" r="3"/>`)
        : []
      return `<g class="${style}"><path d="${path.join('')}"/>${dots.join('')}</g>`
    })
    return areas.join('') + lines.join('')
  })
}

export interface Histogram {
  /** Description for screen readers. */
  readonly label: string
  readonly x: Axis
  /** Counts, from 0. */
  readonly y: Axis
  readonly bars: readonly (Titled & { readonly low: number; readonly high: number; readonly count: number })[]
}

/** Draws counts as bars in SVG; the page defines the colors. */
export const histogram = ({ label, x, y, bars }: Histogram): string =>
  plot(label, x, y, (across, down) =>
    bars
      .filter(({ count }) => count > 0)
      .map(({ low, high, count, title }) => {
        const [left, top] = [across(low), down(count)]
        const [width, height] = [across(high) - left, HEIGHT - BOTTOM - top]
        return `<g><title>${escapeText(title)}</title><rect class="bin" x="${round(left + 0.5)}" y="${top}" width="${round(width - 1)}" height="${round(height)}"/></g>`
      })
      .join(''),
  )

type Place = (value: number) => number

const round = (value: number): number => Math.round(value * 100) / 100

/** Draws axes and grid around the output of `draw`, which gets functions from values to coordinates. */
function plot(label: string, x: Axis, y: Axis, draw: (across: Place, down: Place) => string): string {
  const [right, bottom] = [WIDTH - RIGHT, HEIGHT - BOTTOM]
  const share = ({ ticks }: Axis, value: number): number => (value - ticks[0]) / (ticks.at(-1)! - ticks[0])
  const across: Place = (value) => round(LEFT + share(x, value) * (right - LEFT))
  const down: Place = (value) => round(bottom - share(y, value) * (bottom - TOP))
  const grid = [
    ...x.ticks.map((tick) => `M${across(tick)} ${TOP}V${bottom}`),
    ...y.ticks.map((tick) => `M${LEFT} ${down(tick)}H${right}`),
  ]
  const numbers = [
    ...x.ticks.map((tick) => `<text x="${across(tick)}" y="${bottom + 18}">${x.text(tick)}</text>`),
    ...y.ticks.map(
      (tick) => `<text class="end" x="${LEFT - 8}" y="${down(tick) + 4}">${y.text(tick)}</text>`,
    ),
  ]
  const middle = { x: (LEFT + right) / 2, y: (TOP + bottom) / 2 }
  return `<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeText(label)}">
<path class="grid" d="${grid.join('')}"/>
<g class="ticks">${numbers.join('')}</g>
<text x="${middle.x}" y="${HEIGHT - 8}">${escapeText(x.label)}</text>
<text transform="translate(14 ${middle.y}) rotate(-90)">${escapeText(y.label)}</text>
${draw(across, down)}
</svg>`
}
