import type { Engine, ImageBatch } from './engine.js'
import { normaliseImages } from './normalise.js'
import { requireRgbImage } from './require-image.js'
import { mirrorTensor, resizeTensor } from './resize-tensor.js'
import type { RgbImage, Tensor } from './tensor.js'
import { cropTile, TileBlender } from './tiles.js'

/** Everything around a network in JavaScript, on typed arrays. */
export const arrayEngine: Engine<Tensor, RgbImage> = {
  requireImage: requireRgbImage,
  load: async (images) => tensorBatch(normaliseImages(images)),
  blender: (shape) => new TileBlender(shape),
  download: async (tensor) => tensor,
  release() {},
}

/** Images that are normalised already, [N,3,H,W]. */
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

/** Keeps the last result: the tiles of a view are asked for one after the other. */
function lastOf<A extends readonly unknown[], R>(compute: (...args: A) => R): (...args: A) => R {
  let last: { readonly args: A; readonly result: R } | undefined
  return (...args) => {
    if (!last?.args.every((arg, i) => arg === args[i])) last = { args, result: compute(...args) }
    return last.result
  }
}
