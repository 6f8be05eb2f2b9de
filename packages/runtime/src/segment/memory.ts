import { InverseFormError } from '@inverseform/errors'
import { sum } from '@inverseform/shared'
import type { AnyNetwork } from '../engine/network.js'
import { planScales } from './plan.js'
import type { RunOptions, SegmentOutput } from './segmentation.js'

interface Sized {
  readonly width: number
  readonly height: number
}

/** Bytes of a pixel: as RGB, twice on the way to the worker, and normalized. */
const RGB = 6
const NORMALIZED = 12

/**
 * Returns the bytes that segmenting images needs in main memory, beside the activations: their pixels, the largest view of
 * the batch that runs, and the outputs of all.
 *
 * @param batches the indices of the images that run together
 */
export function segmentationBytes(
  network: AnyNetwork,
  images: readonly Sized[],
  batches: readonly (readonly number[])[],
  options: RunOptions,
): number {
  const perPixel = sum(
    (options.outputs ?? ['labels']).map((output) => outputBytes(output, network.numClasses)),
  )
  const kept = images.map(({ width, height }) => width * height * (RGB + perPixel))
  const running = batches.map((batch) => {
    const { width, height } = images[batch[0]]
    const [largest] = planScales(network, batch.length, width, height, options)
    const original = width * height
    const view = largest.scale === 1 && !options.flip ? 0 : largest.width * largest.height
    return batch.length * NORMALIZED * (original + view)
  })
  return sum(kept) + Math.max(0, ...running)
}

function outputBytes(output: SegmentOutput, numClasses: number): number {
  if (output === 'labels') return numClasses <= 256 ? 1 : 2
  return output === 'logits' ? 4 * numClasses : 4
}

/** @throws `out-of-memory` if segmenting images needs more main memory than there is */
export function checkMemory(
  network: AnyNetwork,
  images: readonly Sized[],
  batches: readonly (readonly number[])[],
  options: RunOptions,
): void {
  const available = network.availableMemory?.()
  if (available === undefined) return
  const needed = segmentationBytes(network, images, batches, options)
  if (needed <= available) return
  const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`
  const pixels = sum(images.map(({ width, height }) => width * height))
  throw new InverseFormError(
    'out-of-memory',
    `Segmenting ${pixels} pixels needs ${mebibytes(needed)} of memory, ${mebibytes(available)} are available.`,
    {
      hint: 'Pass smaller images, fewer at once, or request fewer outputs: `logits` take the most.',
      details: { needed, available, pixels },
    },
  )
}
