import { checkArgument, checkInteger } from '@inverseform/errors'
import { ConfusionMatrix } from './confusion.js'
import type { SegmentedImage } from './metric.js'
import type { CountOptions } from './options.js'

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
export function scoreImage(image: NamedImage, options?: CountOptions): ImageScores {
  const confusion = new ConfusionMatrix(options)
  confusion.update(image)
  const { meanIou, accuracy } = confusion.compute()
  return { name: image.name, meanIou, accuracy, confusion }
}

/**
 * Returns the `count` images with the lowest mean IoU, worst first, ties by name. It omits images without a score.
 * @throws InverseFormError `invalid-argument` unless `images` is a list and `count` an integer of at least 0
 */
export function worstImages<T extends { readonly name: string; readonly meanIou: number }>(
  images: readonly T[],
  count: number,
): T[] {
  const isList: boolean = Array.isArray(images)
  checkArgument('images', images, isList, 'a list of images')
  checkInteger('count', count, { min: 0 })
  return images
    .filter(({ meanIou }) => !Number.isNaN(meanIou))
    .sort((a, b) => a.meanIou - b.meanIou || (a.name < b.name ? -1 : 1))
    .slice(0, count)
}
