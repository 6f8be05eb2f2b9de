import type { PlainTensor } from '../ops.js'
import { shapeText, sizeMismatch, sizeOf } from '../shape.js'
import type { Matrix3 } from './transforms.js'

/** Points whose homogeneous coordinate is not above this lie behind the viewer and read 0. */
export const horizon = 1e-6

/**
 * Maps seen through transformations, bilinearly, 0 outside: PyTorch's `grid_sample(maps, affine_grid(matrix))` with
 * `align_corners=False` and `padding_mode='zeros'`, extended to homographies. To differentiate, use {@link transformMaps}.
 *
 * @param maps [maps, channels, height, width]
 * @param matrices one for each map, from points of the result to points of the map, in normalised coordinates
 * @returns the values of a tensor of the maps' shape
 * @throws `size-mismatch` for maps of another shape, or another number of matrices
 */
export function warpMaps(maps: PlainTensor, matrices: readonly Matrix3[]): Float32Array<ArrayBuffer> {
  const [count, channels, height, width] = checkMaps(maps.shape)
  if (matrices.length !== count || maps.data.length !== sizeOf(maps.shape)) {
    throw sizeMismatch(
      `${matrices.length} matrices and ${maps.data.length} values were given for maps of ${shapeText(maps.shape)}.`,
      'Give one matrix for each map, and one value for each of its pixels.',
      { shape: maps.shape, matrices: matrices.length, values: maps.data.length },
    )
  }
  const { data } = maps
  const pixels = height * width
  const result = new Float32Array(count * channels * pixels)
  const plane = (index: number) => index * channels * pixels
  matrices.forEach((m, index) => {
    for (let i = 0; i < height; i++) {
      const v = (2 * i + 1) / height - 1
      for (let j = 0; j < width; j++) {
        const u = (2 * j + 1) / width - 1
        const w = m[6]! * u + m[7]! * v + m[8]!
        if (!(w > horizon)) continue
        const x = (((m[0]! * u + m[1]! * v + m[2]!) / w + 1) * width - 1) / 2
        const y = (((m[3]! * u + m[4]! * v + m[5]!) / w + 1) * height - 1) / 2
        if (!(x > -1 && x < width && y > -1 && y < height)) continue
        const column = Math.floor(x)
        const row = Math.floor(y)
        const right = x - column
        const below = y - row
        for (let channel = 0; channel < channels; channel++) {
          const start = plane(index) + channel * pixels
          const at = (r: number, c: number): number =>
            r < 0 || r >= height || c < 0 || c >= width ? 0 : data[start + r * width + c]!
          const upper = at(row, column) * (1 - right) + at(row, column + 1) * right
          const lower = at(row + 1, column) * (1 - right) + at(row + 1, column + 1) * right
          result[start + i * width + j] = upper * (1 - below) + lower * below
        }
      }
    }
  })
  return result
}

/** The sizes of [maps, channels, height, width]. */
export function checkMaps(shape: readonly number[]): readonly [number, number, number, number] {
  if (shape.length === 4 && !shape.includes(0)) return shape as unknown as [number, number, number, number]
  throw sizeMismatch(
    `Maps of the shape ${shapeText(shape)} were given to transform.`,
    'Give [maps, channels, height, width], none of them 0.',
    { shape },
  )
}
