import { InverseFormError } from '@inverseform/errors'
import { indicesBySize, type Sized } from './by-size.js'
import type { AnyNetwork, Network } from './network.js'
import { batchSize, countRuns, planScales } from './plan.js'
import { segmentLoaded } from './segment-loaded.js'
import type { Segmentation, SegmentImagesOptions } from './segmentation.js'

/**
 * Segments images of one size in one batch.
 * @throws `size-mismatch` for images that differ in size or do not have three bytes a pixel, `invalid-argument` for
 * options that do not fit, `out-of-memory` when not even a tile fits the memory budget; what the signal and the
 * session throw passes through.
 */
export async function segmentImages<M, I extends Sized>(
  network: Network<M, I>,
  images: readonly I[],
  options: SegmentImagesOptions = {},
): Promise<Segmentation[]> {
  if (images.length === 0) return []
  for (const image of images) {
    network.engine.requireImage(image)
    requireSize(image, images[0])
  }
  const started = performance.now()
  const batch = await network.engine.load(images)
  const loading = performance.now() - started
  try {
    const segmentations = await segmentLoaded(network, batch, options)
    return segmentations.map(({ timings, ...rest }) => ({
      ...rest,
      timings: { ...timings, preprocess: timings.preprocess + loading },
    }))
  } finally {
    batch.dispose()
  }
}

/** Segments images of any sizes in their order; those of one size run together, as many as the memory budget allows. */
export async function segmentBatch<M, I extends Sized>(
  network: Network<M, I>,
  images: readonly I[],
  options: SegmentImagesOptions = {},
): Promise<Segmentation[]> {
  for (const image of images) network.engine.requireImage(image)
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
function batchesOf(network: AnyNetwork, images: readonly Sized[], options: SegmentImagesOptions): number[][] {
  return indicesBySize(images).flatMap((indices) => {
    const { width, height } = images[indices[0]]
    const size = indices.length === 1 ? 1 : batchSize(network, width, height, options)
    return Array.from({ length: Math.ceil(indices.length / size) }, (_, i) =>
      indices.slice(i * size, (i + 1) * size),
    )
  })
}

function requireSize({ width, height }: Sized, expected: Sized): void {
  if (width === expected.width && height === expected.height) return
  throw new InverseFormError(
    'size-mismatch',
    `A batch has images of ${expected.width}x${expected.height} and of ${width}x${height}.`,
    { hint: 'Give images of one size in a batch.' },
  )
}
