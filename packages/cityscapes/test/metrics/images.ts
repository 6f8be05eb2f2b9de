import { seededRandom } from '@inverseform/shared'
import type { IdArray } from '../../src/label-mapping.js'
import { ConfusionMatrix } from '../../src/metrics/confusion.js'
import type { SegmentedImage } from '../../src/metrics/metric.js'
import type { MetricOptions } from '../../src/metrics/options.js'

/** Creates an image of one row, or of the given width. */
export const imageOf = (
  target: IdArray,
  prediction: IdArray,
  { width = target.length, name }: { width?: number; name?: string } = {},
): SegmentedImage => ({ target, prediction, width, height: target.length / width, name })

/** Creates a random target, a tenth of it ignored, and a random prediction. */
export function randomImage(seed: number, pixels: number, classes: number): SegmentedImage {
  const next = seededRandom(seed)
  const draw = (): number => Math.floor(next() * classes)
  const target = Uint8Array.from({ length: pixels }, () => (next() < 0.1 ? 255 : draw()))
  return imageOf(target, Uint8Array.from({ length: pixels }, draw), { name: `image ${seed}` })
}

export function matrixOf(images: readonly SegmentedImage[], options: MetricOptions): ConfusionMatrix {
  const matrix = new ConfusionMatrix(options)
  for (const image of images) matrix.update(image)
  return matrix
}

/** Creates a matrix from counts with targets as rows. */
export const fromRows = (counts: readonly (readonly number[])[]): ConfusionMatrix =>
  ConfusionMatrix.fromJSON({
    format: 'inverseform.confusion-matrix',
    version: 1,
    classes: counts.length,
    ignoreIndex: 255,
    counts,
    missed: counts.map(() => 0),
  })
