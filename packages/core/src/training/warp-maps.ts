import { product } from '@inverseform/shared'
import type { PlainTensor } from '../ops.js'
import { checkMapShape, shapeText, sizeMismatch } from '../shape.js'
import type { Matrix3 } from './transforms.js'

/** Points whose homogeneous coordinate is at or below this lie behind the viewer, where maps are 0. */
export const horizon = 1e-6

/**
 * Transforms maps with bilinear sampling and zeros outside, as PyTorch's `grid_sample(maps, affine_grid(matrix))` with
 * `align_corners=False` and `padding_mode='zeros'`, extended to homographies. To differentiate, use {@link transformMaps}.
 *
 * @param maps [maps, channels, height, width]
 * @param matrices one for each map, from points of the result to points of the map, in normalized coordinates
 * @returns the values of a tensor of the shape of the maps
 * @throws InverseFormError `size-mismatch` for maps of another shape, another number of matrices, or a matrix without 9 elements
 */
export function warpMaps(maps: PlainTensor, matrices: readonly Matrix3[]): Float32Array<ArrayBuffer> {
  checkMapShape('maps', maps.shape)
  const [count, channels, height, width] = maps.shape
  if (matrices.length !== count || maps.data.length !== product(maps.shape)) {
    throw sizeMismatch(
      `Maps of ${shapeText(maps.shape)} need ${count} matrices and ${product(maps.shape)} values, got ${matrices.length} matrices and ${maps.data.length} values.`,
      'Give one matrix for each map and one value for each pixel.',
      { shape: maps.shape, matrices: matrices.length, values: maps.data.length },
    )
  }
  matrices.forEach(checkMatrix)
  const pixels = height * width
  const result = new Float32Array(count * channels * pixels)
  const window = { top: 0, left: 0, height, width }
  for (let plane = 0; plane < count * channels; plane++) {
    const start = plane * pixels
    const matrix = matrices[Math.floor(plane / channels)]
    warpWindow({ data: maps.data, start, height, width }, window, matrix, result, start)
  }
  return result
}

/** One map in an array of maps. */
interface Plane {
  readonly data: ArrayLike<number>
  readonly start: number
  readonly height: number
  readonly width: number
}

/** A part of a map. Its borders are -1 and 1 in the normalized coordinates of transformations. */
export interface Window {
  readonly top: number
  readonly left: number
  readonly height: number
  readonly width: number
}

/** Writes a transformed window of a map to `result`. Positions outside the map (not the window) are 0. */
export function warpWindow(
  { data, start, height, width }: Plane,
  window: Window,
  m: Matrix3,
  result: Float32Array,
  offset: number,
): void {
  const at = (row: number, column: number): number =>
    row < 0 || row >= height || column < 0 || column >= width ? 0 : data[start + row * width + column]
  for (let i = 0; i < window.height; i++) {
    const v = (2 * i + 1) / window.height - 1
    for (let j = 0; j < window.width; j++) {
      const u = (2 * j + 1) / window.width - 1
      const w = m[6] * u + m[7] * v + m[8]
      if (!(w > horizon)) continue
      const x = window.left + (((m[0] * u + m[1] * v + m[2]) / w + 1) * window.width - 1) / 2
      const y = window.top + (((m[3] * u + m[4] * v + m[5]) / w + 1) * window.height - 1) / 2
      if (!(x > -1 && x < width && y > -1 && y < height)) continue
      const column = Math.floor(x)
      const row = Math.floor(y)
      const right = x - column
      const below = y - row
      const upper = at(row, column) * (1 - right) + at(row, column + 1) * right
      const lower = at(row + 1, column) * (1 - right) + at(row + 1, column + 1) * right
      result[offset + i * window.width + j] = upper * (1 - below) + lower * below
    }
  }
}

function checkMatrix(matrix: ArrayLike<number>, index: number): void {
  if (matrix.length === 9) return
  throw sizeMismatch(
    `\`matrices[${index}]\` must have 9 elements, got ${matrix.length}.`,
    'Give 3x3 matrices in row-major order. transformMatrix creates them from 2, 4, 6 (an affine 2x3 matrix) or 8 parameters.',
    { index, length: matrix.length },
  )
}
