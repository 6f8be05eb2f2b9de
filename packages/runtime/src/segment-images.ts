import { InverseFormError } from '@inverseform/errors'
import type { Network } from './network.js'
import { normaliseImages } from './normalise.js'
import { batchSize, countRuns, planScales } from './plan.js'
import { segmentTensor } from './segment-tensor.js'
import type { Segmentation, SegmentImagesOptions } from './segmentation.js'
import type { RgbImage } from './tensor.js'

/**
 * Segments images of one size in one batch.
 * @throws `size-mismatch` for images that differ in size or do not have three bytes a pixel, `invalid-argument` for
 * options that do not fit, `out-of-memory` when not even a tile fits the memory budget; what the signal and the
 * session throw passes through.
 */
export async function segmentImages(
  network: Network,
  images: readonly RgbImage[],
  options: SegmentImagesOptions = {},
): Promise<Segmentation[]> {
  if (images.length === 0) return []
  for (const image of images) requireSize(image, images[0])
  const started = performance.now()
  const input = normaliseImages(images)
  const normalising = performance.now() - started
  const segmentations = await segmentTensor(network, input, options)
  return segmentations.map(({ timings, ...rest }) => ({
    ...rest,
    timings: { ...timings, preprocess: timings.preprocess + normalising },
  }))
}

/** Segments images of any sizes in their order; those of one size run together, as many as the memory budget allows. */
export async function segmentBatch(
  network: Network,
  images: readonly RgbImage[],
  options: SegmentImagesOptions = {},
): Promise<Segmentation[]> {
  for (const image of images) requireSize(image, image)
  const batches = batchesOf(network, images, options)
  const runs = batches.map((batch) => {
    const { width, height } = images[batch[0]]
    return countRuns(planScales(network, batch.length, width, height, options), options.flip)
  })
  const total = runs.reduce((a, b) => a + b, 0)
  let before = 0
  const results = new Array<Segmentation>(images.length)
  for (const [b, batch] of batches.entries()) {
    const onProgress = ({ done }: { done: number }) => options.onProgress?.({ done: before + done, total })
    const inputs = batch.map((i) => images[i])
    const segmentations = await segmentImages(network, inputs, { ...options, onProgress })
    for (const [k, i] of batch.entries()) results[i] = segmentations[k]
    before += runs[b]
  }
  return results
}

/** Indices of the images that run together. */
function batchesOf(network: Network, images: readonly RgbImage[], options: SegmentImagesOptions): number[][] {
  const bySize = new Map<string, number[]>()
  images.forEach(({ width, height }, i) => {
    const size = `${width}x${height}`
    bySize.set(size, [...(bySize.get(size) ?? []), i])
  })
  return [...bySize.values()].flatMap((indices) => {
    const { width, height } = images[indices[0]]
    const size = indices.length === 1 ? 1 : batchSize(network, width, height, options)
    return Array.from({ length: Math.ceil(indices.length / size) }, (_, i) =>
      indices.slice(i * size, (i + 1) * size),
    )
  })
}

function requireSize({ data, width, height }: RgbImage, expected: RgbImage): void {
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0
  if (!whole || data?.length !== width * height * 3) {
    throw new InverseFormError(
      'size-mismatch',
      `An RGB image of ${width}x${height} has ${data?.length} bytes.`,
      { hint: 'Give width and height in pixels and 3 bytes a pixel, row by row, without alpha or padding.' },
    )
  }
  if (width !== expected.width || height !== expected.height) {
    throw new InverseFormError(
      'size-mismatch',
      `A batch has images of ${expected.width}x${expected.height} and of ${width}x${height}.`,
      { hint: 'Give images of one size in a batch.' },
    )
  }
}
