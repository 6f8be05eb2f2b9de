import { ConfusionMatrix } from '../../src/metrics/confusion.js'
import type { ClassOptions, IdArray } from '../../src/metrics/ids.js'
import type { SegmentedImage } from '../../src/metrics/metric.js'
import { random } from '../random.js'

/** Ids as an image of one row, or of the width given. */
export const imageOf = (
  truth: IdArray,
  prediction: IdArray,
  { width = truth.length, name }: { width?: number; name?: string } = {},
): SegmentedImage => ({ truth, prediction, width, height: truth.length / width, name })

/** Random truth, a tenth of it ignored, and prediction. */
export function randomImage(seed: number, pixels: number, classes: number): SegmentedImage {
  const next = random(seed)
  const draw = (): number => Math.floor(next() * classes)
  const truth = Uint8Array.from({ length: pixels }, () => (next() < 0.1 ? 255 : draw()))
  return imageOf(truth, Uint8Array.from({ length: pixels }, draw), { name: `image ${seed}` })
}

export function matrixOf(images: readonly SegmentedImage[], options: ClassOptions): ConfusionMatrix {
  const matrix = new ConfusionMatrix(options)
  for (const image of images) matrix.update(image)
  return matrix
}

/** A matrix with these counts, rows truth. */
export const fromRows = (counts: readonly (readonly number[])[]): ConfusionMatrix =>
  ConfusionMatrix.fromJSON({
    format: 'inverseform.confusion-matrix',
    version: 1,
    classes: counts.length,
    ignoreIndex: 255,
    counts,
    missed: counts.map(() => 0),
  })
