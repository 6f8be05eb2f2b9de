import type { Labels } from '../maps/labels.js'

/** The weights of a binomial filter in one direction; those of both directions sum to 256. */
export const OUTLINE_WEIGHTS = [1, 4, 6, 4, 1] as const
const REACH = 2

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
 * @returns a function of a row, whose result is overwritten by the next call
 */
export function outlineRows(
  labels: Labels,
  width: number,
  height: number,
  lineWidth: number,
): (y: number) => Float32Array {
  const opacities = new Float32Array(width)
  /** How many columns, up to each one, have the same single label in all rows within reach. */
  const uniform = new Uint32Array(width)
  return (y) => {
    const rows = OUTLINE_WEIGHTS.map((_, i) => width * Math.min(Math.max(y + i - REACH, 0), height - 1))
    const [top, upper, row, lower, bottom] = rows
    for (let x = 0, run = 0, before = -1; x < width; x++) {
      const label = labels[row + x]
      const isUniform =
        labels[top + x] === label &&
        labels[upper + x] === label &&
        labels[lower + x] === label &&
        labels[bottom + x] === label
      run = isUniform ? (label === before ? run + 1 : 1) : 0
      uniform[x] = run
      before = label
    }
    for (let x = 0; x < width; x++) {
      const last = Math.min(x + REACH, width - 1)
      // Most pixels are far from a boundary.
      const isInside = uniform[last] > last - Math.max(x - REACH, 0)
      if (isInside) opacities[x] = 0
      else {
        const isNearFrame = x < REACH || x + REACH >= width
        const weight = isNearFrame ? weightAtFrame(labels, rows, x, width) : weightAt(labels, rows, x)
        opacities[x] = outlineOpacity(weight, lineWidth)
      }
    }
    return opacities
  }
}

/** Returns the weight of a pixel's label among its neighbors, up to 256. */
function weightAt(labels: Labels, [top, upper, row, lower, bottom]: readonly number[], x: number): number {
  const label = labels[row + x]
  return (
    weightInRow(labels, top + x, label) +
    4 * weightInRow(labels, upper + x, label) +
    6 * weightInRow(labels, row + x, label) +
    4 * weightInRow(labels, lower + x, label) +
    weightInRow(labels, bottom + x, label)
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
