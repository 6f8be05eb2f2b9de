import { withKernels } from '../kernels/kernels.js'
import { rowStride } from '../kernels/planar-rows.js'
import { kernelView, releaseView } from '../kernels/views.js'
import { mirrorTensor, resizeTensor } from '../maps/resize-tensor.js'
import { cropTile, TileBlender } from '../tiles/tile-blender.js'
import type { Tensor } from './backend.js'
import type { Engine, ImageBatch } from './engine.js'
import { checkRgbImage, normalizeImages, type RgbImage } from './rgb-image.js'

/** Computes the steps around a network on typed arrays: with kernels in WebAssembly, or in TypeScript where they cannot run. */
export const arrayEngine: Engine<Tensor, RgbImage> = {
  checkImage: checkRgbImage,
  load: async (images) => imageBatch(images),
  blender: (shape) => new TileBlender(shape),
  download: async (tensor) => tensor,
  release: releaseView,
}

function imageBatch(images: readonly RgbImage[]): ImageBatch<Tensor> {
  const [{ width, height }] = images
  let normalized: ImageBatch<Tensor> | undefined
  return {
    count: images.length,
    width,
    height,
    view(view) {
      const inTypeScript = () => {
        normalized ??= tensorBatch(normalizeImages(images))
        return normalized.view(view)
      }
      const rowBytes = 3 * rowStride(Math.max(width, view.width))
      return withKernels(rowBytes, (kernels) => kernelView(kernels, images, view), inTypeScript)
    },
    dispose() {},
  }
}

/** Returns a batch of normalized images [N,3,H,W]. */
export function tensorBatch(images: Tensor): ImageBatch<Tensor> {
  const [count, , height, width] = images.shape
  const mirrored = lastOf(mirrorTensor)
  const resized = lastOf(resizeTensor)
  return {
    count,
    width,
    height,
    view(view) {
      const whole = resized(view.mirrored ? mirrored(images) : images, view.width, view.height)
      const { tile } = view
      return tile.width === view.width && tile.height === view.height ? whole : cropTile(whole, tile)
    },
    dispose() {},
  }
}

/** Keeps the last result: the tiles of a view are requested one after the other. */
function lastOf<A extends readonly unknown[], R>(compute: (...args: A) => R): (...args: A) => R {
  let last: { readonly args: A; readonly result: R } | undefined
  return (...args) => {
    if (!last?.args.every((arg, i) => arg === args[i])) last = { args, result: compute(...args) }
    return last.result
  }
}
