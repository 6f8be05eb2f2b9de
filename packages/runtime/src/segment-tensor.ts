import { tensorBatch } from './array-engine.js'
import type { Network } from './network.js'
import { segmentLoaded } from './segment-loaded.js'
import type { Segmentation, SegmentImagesOptions } from './segmentation.js'
import type { Tensor } from './tensor.js'

/** Segments a batch of images that are normalised already, [N,3,H,W]: what `segmentImages` does after `normaliseImages`. */
export function segmentTensor<I>(
  network: Network<Tensor, I>,
  images: Tensor,
  options: SegmentImagesOptions = {},
): Promise<Segmentation[]> {
  return segmentLoaded(network, tensorBatch(images), options)
}
