import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { writeFileAtomically } from '@inverseform/backbones/node'

export interface Series {
  /** The name in the legend. An empty name is left out. */
  readonly name: string
  readonly kind: 'line' | 'dots'
  readonly color: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

export interface Panel {
  readonly title: string
  readonly x: string
  readonly y: string
  /** The start of the vertical axis. Default: the smallest value. */
  readonly from?: number
  /** The vertical position of the legend, as a share of the height. Default 0, the top. */
  readonly legend?: number
  readonly series: readonly Series[]
}

export interface Picture {
  readonly title: string
  readonly height: number
  readonly width: number
  /** Gray values in [0, 1]: 0 is white, 1 is the full color. Later layers darken earlier ones. */
  readonly layers: readonly { readonly color: string; readonly data: ArrayLike<number> }[]
}

const cellWidth = 360
const box = { left: 58, top: 34, width: 284, height: 216 }

/** Writes panels and pictures, in rows and columns, as an SVG file. */
export async function writeFigure(
  path: string,
  rows: readonly (readonly (Panel | Picture)[])[],
): Promise<void> {
  const width = cellWidth * Math.max(...rows.map((row) => row.length))
  const heights = rows.map((row) => Math.max(...row.map(heightOf)))
  const tops = heights.map((_, i) => heights.slice(0, i).reduce((sum, height) => sum + height, 0))
  const height = tops.at(-1)! + heights.at(-1)!
  const cells = rows.flatMap((row, i) =>
    row.map((cell, j) => {
      const content = 'series' in cell ? panel(cell) : picture(cell)
      return `<g transform="translate(${j * cellWidth} ${tops[i]})">${content}</g>`
    }),
  )
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>
${cells.join('\n')}
</svg>
`
  await mkdir(dirname(path), { recursive: true })
  await writeFileAtomically(path, (sink) => sink.write(new TextEncoder().encode(svg)))
}

const sizeOf = ({ height, width }: Picture): number => Math.min(box.width / width, box.height / height)
const heightOf = (cell: Panel | Picture): number =>
  'series' in cell ? 300 : box.top + Math.ceil(sizeOf(cell) * cell.height) + 20

const text = (x: number, y: number, content: string, more = 'text-anchor="middle"'): string =>
  `<text x="${x}" y="${y}" ${more}>${content}</text>`

const heading = (title: string): string =>
  text(box.left + box.width / 2, 20, title, 'text-anchor="middle" font-size="13" font-weight="bold"')

function panel({ title, x, y, from, legend: legendTop = 0, series }: Panel): string {
  const points = series.flatMap((each) => each.points)
  const horizontal = ticks(points.map((point) => point[0]))
  const vertical = ticks([...points.map((point) => point[1]), ...(from === undefined ? [] : [from])])
  const place = (value: number, axis: readonly number[]) => (value - axis[0]) / (axis.at(-1)! - axis[0])
  const left = (value: number) => round(box.left + place(value, horizontal) * box.width)
  const top = (value: number) => round(box.top + (1 - place(value, vertical)) * box.height)
  const bottom = box.top + box.height
  const grid = [
    ...horizontal.map(
      (tick) =>
        `<path d="M${left(tick)} ${box.top}V${bottom}" stroke="#dddddd"/>${text(left(tick), bottom + 15, label(tick))}`,
    ),
    ...vertical.map(
      (tick) =>
        `<path d="M${box.left} ${top(tick)}H${box.left + box.width}" stroke="#dddddd"/>` +
        text(box.left - 6, top(tick) + 4, label(tick), 'text-anchor="end"'),
    ),
  ]
  const drawn = series.map(({ kind, color, points: own }) =>
    kind === 'line'
      ? `<polyline fill="none" stroke="${color}" stroke-width="1.8" points="${own.map((point) => `${left(point[0])},${top(point[1])}`).join(' ')}"/>`
      : `<path fill="none" stroke="${color}" stroke-width="3" stroke-linecap="round" stroke-opacity="0.45" d="${own.map((point) => `M${left(point[0])} ${top(point[1])}h0`).join('')}"/>`,
  )
  const legend = series
    .filter(({ name }) => name)
    .map(({ name, color }, i) => {
      const line = box.top + legendTop * box.height + 16 + 16 * i
      const right = box.left + box.width
      return `${text(right - 32, line, name, 'text-anchor="end"')}<path d="M${right - 26} ${line - 4}h18" stroke="${color}" stroke-width="2.5"/>`
    })
  const axes = [
    text(box.left + box.width / 2, bottom + 34, x),
    `<g transform="translate(14 ${box.top + box.height / 2}) rotate(-90)">${text(0, 0, y)}</g>`,
  ]
  return [heading(title), ...grid, ...drawn, ...legend, ...axes].join('')
}

function picture(cell: Picture): string {
  const { title, height, width, layers } = cell
  const size = sizeOf(cell)
  const pixels = layers.map(({ color, data }) => {
    const opacities = Array.from({ length: 10 }, (_, i) => (i + 1) / 10)
    const paths = opacities.map((opacity) => {
      const runs = runsOf(data, width, (value) => Math.round(value * 10) / 10 === opacity)
      return runs ? `<path fill-opacity="${opacity}" d="${runs}"/>` : ''
    })
    return `<g fill="${color}" style="mix-blend-mode:multiply">${paths.join('')}</g>`
  })
  const [left, top] = [box.left + (box.width - size * width) / 2, box.top]
  const frame = `<rect width="${width}" height="${height}" fill="none" stroke="#888888" stroke-width="${round(1 / size)}"/>`
  return `${heading(title)}<g transform="translate(${round(left)} ${round(top)}) scale(${round(size)})" shape-rendering="crispEdges">${pixels.join('')}${frame}</g>`
}

/** Returns the outlines of all pixels that satisfy a condition. Neighboring pixels in a row share one outline. */
function runsOf(data: ArrayLike<number>, width: number, holds: (value: number) => boolean): string {
  let path = ''
  for (let p = 0; p < data.length; p++) {
    if (!holds(data[p])) continue
    const start = p
    while ((p + 1) % width !== 0 && holds(data[p + 1])) p++
    const length = p - start + 1
    path += `M${start % width} ${Math.floor(start / width)}h${length}v1h-${length}z`
  }
  return path
}

/** Returns about five round numbers that span the values. */
function ticks(values: readonly number[]): number[] {
  const [least, greatest] = [Math.min(...values), Math.max(...values)]
  const rough = (greatest - least || 1) / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999)!
  const first = Math.floor(least / step + 1e-9)
  const last = Math.max(Math.ceil(greatest / step - 1e-9), first + 1)
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step)
}

const label = (value: number): string => String(Number(value.toPrecision(4)))
const round = (value: number): number => Math.round(value * 100) / 100
