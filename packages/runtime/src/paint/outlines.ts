import type { Labels } from '../maps/labels.js'

/** The weights of a binomial filter in one direction; those of both directions sum to 256. */
export const OUTLINE_WEIGHTS = [1, 4, 6, 4, 1] as const
const REACH = 2
const SPAN = 2 * REACH + 1

/**
 * Returns the opacity of an outline at a pixel, from the weight of its label among its 5x5 neighbors, which the distance to the
 * boundary determines: half of 256 on it, 176 and 240 at pixels 0.5 and 1.5 away, 256 from 2 on. The line through these
 * points estimates the distance. A pixel is covered as far as it is within half of the line's width.
 */
export function outlineOpacity(weight: number, lineWidth: number): number {
  const distance = weight / 64 - 2.25
  return Math.min(Math.max(lineWidth / 2 + 0.5 - distance, 0), 1)
}

/**
 * Computes the opacities of outlines along the boundaries of labels, a row at a time. The frame of the image is not a
 * boundary: beyond it, labels continue.
 * @returns a function that gives the next row, from the first to the last; the next call overwrites its result
 */
export function outlineRows(
  labels: Labels,
  width: number,
  height: number,
  lineWidth: number,
): () => Float32Array {
  const opacities = new Float32Array(width)
  /** How many pixels of each column have the same label, up to the last row within reach. */
  const alike = new Uint32Array(width).fill(SPAN)
  const startOf = (row: number) => width * Math.min(Math.max(row, 0), height - 1)
  const extend = (row: number) => {
    const [above, at] = [startOf(row - 1), startOf(row)]
    for (let x = 0; x < width; x++) alike[x] = labels[at + x] === labels[above + x] ? alike[x] + 1 : 1
  }
  for (let row = 1; row < REACH; row++) extend(row)
  let y = 0
  return () => {
    extend(y + REACH)
    const rows = OUTLINE_WEIGHTS.map((_, i) => startOf(y + i - REACH))
    const row = rows[REACH]
    /** How many columns, up to the last one within reach, have one label in all rows within reach. */
    let run = alike[0] >= SPAN ? REACH + 1 : 0
    for (let last = 1; last < width + REACH; last++) {
      if (last >= width) run += run > 0 ? 1 : 0
      else if (alike[last] < SPAN) run = 0
      else run = labels[row + last] === labels[row + last - 1] ? run + 1 : 1
      const x = last - REACH
      if (x < 0) continue
      // Most pixels are far from a boundary.
      if (run >= SPAN) opacities[x] = 0
      else {
        const isNearFrame = x < REACH || last >= width
        const weight = isNearFrame ? weightAtFrame(labels, rows, x, width) : weightAt(labels, rows, x)
        opacities[x] = outlineOpacity(weight, lineWidth)
      }
    }
    y++
    return opacities
  }
}

/** Returns the weight of a pixel's label among its neighbors, up to 256. */
function weightAt(labels: Labels, rows: readonly number[], x: number): number {
  const label = labels[rows[REACH] + x]
  return (
    weightInRow(labels, rows[0] + x, label) +
    4 * weightInRow(labels, rows[1] + x, label) +
    6 * weightInRow(labels, rows[2] + x, label) +
    4 * weightInRow(labels, rows[3] + x, label) +
    weightInRow(labels, rows[4] + x, label)
  )
}

function weightInRow(labels: Labels, at: number, label: number): number {
  return (
    (labels[at - 2] === label ? 1 : 0) +
    (labels[at - 1] === label ? 4 : 0) +
    (labels[at] === label ? 6 : 0) +
    (labels[at + 1] === label ? 4 : 0) +
    (labels[at + 2] === label ? 1 : 0)
  )
}

/** Returns the same at the frame of the image, beyond which labels continue. */
function weightAtFrame(labels: Labels, rows: readonly number[], x: number, width: number): number {
  const label = labels[rows[REACH] + x]
  let weight = 0
  for (let i = 0; i < rows.length; i++) {
    let inRow = 0
    for (let j = 0; j < OUTLINE_WEIGHTS.length; j++) {
      const column = Math.min(Math.max(x + j - REACH, 0), width - 1)
      if (labels[rows[i] + column] === label) inRow += OUTLINE_WEIGHTS[j]
    }
    weight += inRow * OUTLINE_WEIGHTS[i]
  }
  return weight
}
