import { ConfusionMatrix, type IdArray } from './confusion.js'

/** One image's own scores, fractions in 0..1 over the classes seen in it (NaN where every pixel is ignored). */
export interface ImageScores {
  readonly name: string
  readonly meanIou: number
  readonly accuracy: number
  /** The image's own counts, to merge into those of the data set. */
  readonly confusion: ConfusionMatrix
}

/** Scores one image by itself; throws as {@link ConfusionMatrix.update} does. */
export function scoreImage(name: string, truth: IdArray, prediction: IdArray, classes = 19): ImageScores {
  const confusion = new ConfusionMatrix(classes)
  confusion.update(truth, prediction)
  const { meanIou, accuracy } = confusion.compute()
  return { name, meanIou, accuracy, confusion }
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
