import type { Tensor } from '../engine/backend.js'
import type { View } from '../engine/engine.js'
import { NORMALIZED, type RgbImage } from '../engine/rgb-image.js'
import type { Kernels } from './kernels.js'
import { type PlanarRows, planarRows, resizePlanar, rowStride } from './planar-rows.js'

/** The largest buffer that is kept for the next view: without it, the system clears new memory each time. */
const LARGEST_SPARE = 2 ** 26

/** The buffers of views that `kernelView` returned and `releaseView` did not get back. */
const lent = new WeakSet<Float32Array>()
let spare: Float32Array | undefined

/**
 * Returns a view of images of one size: normalized, mirrored, resized and cropped row by row. Give it back with `releaseView`
 * after use.
 */
export function kernelView(kernels: Kernels, images: readonly RgbImage[], view: View): Tensor {
  const { tile } = view
  const size = tile.width * tile.height
  const data = allocateView(images.length * 3 * size)
  const tables = kernels.copy(NORMALIZED)
  for (const [i, image] of images.entries()) {
    const source = normalizedRows(kernels, image, tables, view.mirrored)
    const resized = view.width !== image.width || view.height !== image.height
    const rows = resized ? resizePlanar(kernels, source, view.width, view.height, tile.x, tile.width) : source
    const [stride, skipped] = [rowStride(rows.width) / 4, resized ? 0 : tile.x]
    for (let y = 0; y < tile.height; y++) {
      const row = rows.row(tile.y + y) / 4 + skipped
      for (let c = 0; c < 3; c++) {
        const values = kernels.floats.subarray(row + c * stride, row + c * stride + tile.width)
        data.set(values, (3 * i + c) * size + y * tile.width)
      }
    }
  }
  return { data, shape: [images.length, 3, tile.height, tile.width] }
}

/** Lets the next view use the buffer of this one. Has no effect on other tensors. */
export function releaseView({ data }: Tensor): void {
  if (lent.delete(data) && data.byteLength <= LARGEST_SPARE) spare = data
}

function allocateView(length: number): Float32Array {
  const data = spare?.length === length ? spare : new Float32Array(length)
  spare = undefined
  lent.add(data)
  return data
}

function normalizedRows(
  kernels: Kernels,
  { data, width, height }: RgbImage,
  tables: number,
  mirrored: boolean,
): PlanarRows {
  const pixels = kernels.allocate(3 * width)
  const stride = rowStride(width)
  return planarRows(kernels, { width, height, channels: 3 }, (y, into) => {
    kernels.bytes.set(data.subarray(3 * width * y, 3 * width * (y + 1)), pixels)
    kernels.run.normalize(pixels, width, tables, into, stride, mirrored)
  })
}
