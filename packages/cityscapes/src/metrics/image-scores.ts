import { ConfusionMatrix } from './confusion.js'
import type { SegmentedImage } from './metric.js'
import type { MetricOptions } from './options.js'

/** An image with a name. */
export type NamedImage = SegmentedImage & { readonly name: string }

/** The scores of one image: fractions in 0..1 over the classes seen in it, NaN if every pixel is ignored. */
export interface ImageScores {
  readonly name: string
  readonly meanIou: number
  readonly accuracy: number
  /** The counts of the image, to merge into those of the data set. */
  readonly confusion: ConfusionMatrix
}

/**
 * Scores one image by itself.
 * @throws InverseFormError as `ConfusionMatrix` and its `update`
 */
export function scoreImage(image: NamedImage, options?: MetricOptions): ImageScores {
  const confusion = new ConfusionMatrix(options)
  confusion.update(image)
  const { meanIou, accuracy } = confusion.compute()
  return { name: image.name, meanIou, accuracy, confusion }
}

/** Returns the `count` images with the lowest mean IoU, worst first, ties by name. It omits images without a score. */
export function worstImages<T extends { readonly name: string; readonly meanIou: number }>(
  images: readonly T[],
  count: number,
): T[] {
  return images
    .filter(({ meanIou }) => !Number.isNaN(meanIou))
    .sort((a, b) => a.meanIou - b.meanIou || (a.name < b.name ? -1 : 1))
    .slice(0, count)
}
