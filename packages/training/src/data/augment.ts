import { edgeMap, IGNORE } from '@inverseform/cityscapes'
import type { Augmentation } from './augmentation.js'
import { changeColors } from './color.js'
import { writeNormalized } from './normalize.js'
import { cropRegion, resampleImage, resampleTarget } from './resample.js'
import type { LoadedSample } from './sample.js'

/** Where the result for one image goes: views of a batch. Padding is already there: 0, which is the mean, in `image`. */
export interface Slot {
  /** [3, height, width] */
  readonly image: Float32Array
  readonly target: Uint8Array
  readonly edgeTarget: Uint8Array
}

/**
 * Augments an image and its target. Only the pixels that the crop shows are computed, and padding takes no part in changes
 * of color and blur.
 */
export function augment({ image, target }: LoadedSample, augmentation: Augmentation, out: Slot): void {
  const { width, height } = augmentation.crop
  const region = cropRegion(image, augmentation)
  const pixels = resampleImage(image, region)
  changeColors(pixels, augmentation.colors)
  const size = width * height
  const planes = [0, 1, 2].map((channel) => out.image.subarray(channel * size, (channel + 1) * size))
  writeNormalized(pixels, region, augmentation.sigma, planes, width)
  out.target.fill(IGNORE)
  resampleTarget(target, image.width, region, out.target, width)
  out.edgeTarget.set(edgeMap(out.target, width, height))
}
