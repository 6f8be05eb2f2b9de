import { mirrorTensor, resizeTensor } from '../maps/resize-tensor.js'
import { cropTile, TileBlender } from '../tiles/tile-blender.js'
import type { Tensor } from './backend.js'
import type { Engine, ImageBatch } from './engine.js'
import { checkRgbImage, normalizeImages, type RgbImage } from './rgb-image.js'

/** Computes the steps around a network in JavaScript, on typed arrays. */
export const arrayEngine: Engine<Tensor, RgbImage> = {
  checkImage: checkRgbImage,
  load: async (images) => tensorBatch(normalizeImages(images)),
  blender: (shape) => new TileBlender(shape),
  download: async (tensor) => tensor,
  release() {},
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
