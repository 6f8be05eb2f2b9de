import { ConfusionMatrix } from './confusion.js'
import type { ClassOptions } from './ids.js'
import type { SegmentedImage } from './metric.js'

/** An image that must have a name. */
export type NamedImage = SegmentedImage & { readonly name: string }

/** One image's own scores, fractions in 0..1 over the classes seen in it (NaN where every pixel is ignored). */
export interface ImageScores {
  readonly name: string
  readonly meanIou: number
  readonly accuracy: number
  /** The image's own counts, to merge into those of the data set. */
  readonly confusion: ConfusionMatrix
}

/** Scores one image by itself; throws as {@link ConfusionMatrix.update} does. */
export function scoreImage(image: NamedImage, options?: ClassOptions): ImageScores {
  const confusion = new ConfusionMatrix(options)
  confusion.update(image)
  const { meanIou, accuracy } = confusion.compute()
  return { name: image.name, meanIou, accuracy, confusion }
}

/** The `count` images with the lowest mean IoU, worst first, ties by name; images without a score are left out. */
export function worstImages<T extends { readonly name: string; readonly meanIou: number }>(
  images: readonly T[],
  count: number,
): T[] {
  return images
    .filter(({ meanIou }) => !Number.isNaN(meanIou))
    .sort((a, b) => a.meanIou - b.meanIou || (a.name < b.name ? -1 : 1))
    .slice(0, count)
}
