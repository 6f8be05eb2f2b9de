import type { Tensor } from '../engine/backend.js'
import { mapRows, resizeRows } from './rows.js'

/** Resizes [N,C,H,W] bilinearly, with half-pixel centers and clamped edges. */
export function resizeTensor(tensor: Tensor, width: number, height: number): Tensor {
  const { data, shape } = tensor
  const [n, channels, h, w] = shape
  if (w === width && h === height) return tensor
  const resized = new Float32Array(n * channels * height * width)
  for (let plane = 0, to = 0; plane < n * channels; plane++) {
    const source = {
      data: data.subarray(plane * h * w, (plane + 1) * h * w),
      width: w,
      height: h,
      channels: 1,
    }
    const rows = resizeRows(mapRows(source), width, height)
    for (let y = 0; y < height; y++, to += width) resized.set(rows.row(y), to)
  }
  return { data: resized, shape: [n, channels, height, width] }
}

/** Swaps left and right of [N,C,H,W]. */
export function mirrorTensor({ data, shape }: Tensor): Tensor {
  const mirrored = data.slice()
  const width = shape[3]
  for (let row = 0; row < mirrored.length; row += width) mirrored.subarray(row, row + width).reverse()
  return { data: mirrored, shape }
}
