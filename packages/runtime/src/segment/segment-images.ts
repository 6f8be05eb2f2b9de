import { checkArgument, InverseFormError } from '@inverseform/errors'
import { sum } from '@inverseform/shared'
import type { AnyNetwork, Network } from '../engine/network.js'
import { imageArgument } from '../engine/rgb-image.js'
import { withImageIndex } from '../maps/finite.js'
import { checkMemory } from './memory.js'
import { checkSegmentOptions } from './options.js'
import { batchSize, countRuns, planScales } from './plan.js'
import { segmentLoaded } from './segment-loaded.js'
import type { DefaultOutputs, RunOptions, Segmentation, SegmentOutputs } from './segmentation.js'

/** Something with a size in pixels. */
export interface Sized {
  readonly width: number
  readonly height: number
}

/**
 * Segments images of one size in one batch.
 *
 * @throws `invalid-argument` for pixels or options that are not valid, `size-mismatch` for images that differ in size or
 * do not have three bytes per pixel, `out-of-memory` if not even a tile fits the memory budget; errors of the signal and
 * the session pass through
 */
export async function segmentBatch<M, I extends Sized, const Outputs extends SegmentOutputs = DefaultOutputs>(
  network: Network<M, I>,
  images: readonly I[],
  options: RunOptions<Outputs> = {},
): Promise<Segmentation<Outputs>[]> {
  checkImages(network, images)
  checkSegmentOptions(options)
  if (images.length === 0) return []
  for (const image of images) checkSize(image, images[0])
  const started = performance.now()
  const batch = await network.engine.load(images)
  const loading = performance.now() - started
  try {
    const segmentations = await segmentLoaded(network, batch, options)
    return segmentations.map((segmentation) => {
      const { timings } = segmentation
      return { ...segmentation, timings: { ...timings, preprocess: timings.preprocess + loading } }
    })
  } finally {
    batch.dispose()
  }
}

/**
 * Segments images of any sizes and returns results in their order. Images of one size run together, as many as the memory
 * budget allows.
 * @throws as `segmentBatch`
 */
export async function segmentImages<
  M,
  I extends Sized,
  const Outputs extends SegmentOutputs = DefaultOutputs,
>(
  network: Network<M, I>,
  images: readonly I[],
  options: RunOptions<Outputs> = {},
): Promise<Segmentation<Outputs>[]> {
  checkImages(network, images)
  checkSegmentOptions(options)
  const batches = batchesOf(network, images, options)
  checkMemory(network, images, batches, options)
  const runs = batches.map((batch) => {
    const { width, height } = images[batch[0]]
    return countRuns(planScales(network, batch.length, width, height, options), options.flip)
  })
  const total = sum(runs)
  let before = 0
  const results = new Array<Segmentation<Outputs>>(images.length)
  for (const [b, batch] of batches.entries()) {
    const onProgress = ({ done }: { done: number }) => options.onProgress?.({ done: before + done, total })
    const inputs = batch.map((i) => images[i])
    try {
      const segmentations = await segmentBatch<M, I, Outputs>(network, inputs, { ...options, onProgress })
      for (const [k, i] of batch.entries()) results[i] = segmentations[k]
    } catch (error) {
      throw withImageIndex(error, batch, images.length)
    }
    before += runs[b]
  }
  return results
}

/** Groups the indices of images by size; sizes and indices keep their order. */
export function indicesBySize(images: readonly Sized[]): number[][] {
  const bySize = new Map<string, number[]>()
  for (const [i, { width, height }] of images.entries()) {
    const size = `${width}x${height}`
    const indices = bySize.get(size)
    if (indices) indices.push(i)
    else bySize.set(size, [i])
  }
  return [...bySize.values()]
}

/** Returns the indices of the images that run together. */
function batchesOf(network: AnyNetwork, images: readonly Sized[], options: RunOptions): number[][] {
  return indicesBySize(images).flatMap((indices) => {
    const { width, height } = images[indices[0]]
    const size = indices.length === 1 ? 1 : batchSize(network, width, height, options)
    return Array.from({ length: Math.ceil(indices.length / size) }, (_, i) =>
      indices.slice(i * size, (i + 1) * size),
    )
  })
}

function checkImages<M, I>({ engine }: Network<M, I>, images: readonly I[]): void {
  checkArgument('images', images, Array.isArray(images), 'an array of images')
  for (const [i, image] of images.entries()) {
    engine.checkImage(image, imageArgument(i, images.length))
  }
}

function checkSize({ width, height }: Sized, expected: Sized): void {
  if (width === expected.width && height === expected.height) return
  throw new InverseFormError(
    'size-mismatch',
    `All images of a batch must have one size, got ${expected.width}x${expected.height} and ${width}x${height}.`,
    { hint: 'Use `segmentImages` for images of several sizes.' },
  )
}
