import { InverseFormError } from '@inverseform/errors'
import {
  disagrees,
  type Precision,
  type Rung,
  type Segmenter,
  type SegmentOptions,
} from '@inverseform/runtime'
import type { Device } from './devices.js'
import type { ImageInput } from './images.js'
import type { Weights } from './load-weights.js'
import { type SegmenterOptions, settingsOf } from './options.js'
import { type Picture, type PictureOptions, pictureOf } from './picture.js'
import { WorkerClient } from './worker-client.js'

export interface WebSegmenter extends Segmenter<ImageInput> {
  readonly device: Device
  /** What the network computes in. */
  readonly precision: Precision
  /** The devices tried, in order, and why each was left; the last one is the one that is used. */
  readonly ladder: readonly Rung<Device>[]
  /** Where the checkpoint came from: the network, the browser's cache or memory. */
  readonly weights: Weights
  /**
   * Segments an image to be shown: it stays in the worker, on WebGPU in the GPU's memory, and is painted there.
   * @throws what `segment` throws
   */
  createPicture(image: ImageInput, options?: PictureOptions): Promise<Picture>
}

/**
 * Loads a checkpoint and makes its network ready to segment images. Downloading, decoding and inference run in a worker
 * of the segmenter's own: the page stays responsive.
 *
 * @example
 * const segmenter = await createSegmenter({ source: '/models/hr16s_4k_slim.pth' })
 * const { labels, width, height } = await segmenter.segment(document.querySelector('canvas'))
 *
 * @throws InverseFormError `not-found`, `unreadable`, `invalid-checkpoint`, `unsafe-checkpoint` or `checkpoint-mismatch`
 * for a checkpoint that cannot be used, `runtime-unavailable` where no device can run it, naming each with its reason,
 * `invalid-argument` for other options; the signal's reason when it is aborted.
 */
export async function createSegmenter(options: SegmenterOptions): Promise<WebSegmenter> {
  requireWorkers()
  const { client, loaded } = await WorkerClient.start(settingsOf(options), options)
  if (disagrees(loaded.ladder)) console.warn(loaded.ladder.at(-1)?.reason)

  async function segmentBatch(images: readonly ImageInput[], segmentOptions: SegmentOptions = {}) {
    const { signal, onProgress, outputs, scales, flip, tile } = segmentOptions
    const requestOptions = { outputs, scales, flip, tile }
    return client.callWithImages('segment', images, (images) => ({ images, options: requestOptions }), {
      signal,
      onProgress,
    })
  }
  async function createPicture(image: ImageInput, pictureOptions: PictureOptions = {}) {
    const { signal, onProgress, edges, scales, flip, tile } = pictureOptions
    const requestOptions = { edges, scales, flip, tile }
    const facts = await client.callWithImages(
      'createPicture',
      [image],
      ([image]) => ({ image, options: requestOptions }),
      { signal, onProgress },
    )
    return pictureOf(client, facts)
  }
  return {
    ...loaded,
    segmentBatch,
    createPicture,
    async segment(image, segmentOptions) {
      const [segmentation] = await segmentBatch([image], segmentOptions)
      return segmentation
    },
    dispose: () => client.dispose(),
    [Symbol.asyncDispose]: () => client.dispose(),
  }
}

/** On a server, where pages are rendered first, options could not even be checked: they are relative to a page. */
function requireWorkers(): void {
  if ('Worker' in globalThis) return
  throw new InverseFormError('runtime-unavailable', 'There are no web workers here: this is not a browser.', {
    hint: 'Create segmenters in the browser, not where pages are rendered; in Node use @inverseform/runtime-node.',
  })
}
