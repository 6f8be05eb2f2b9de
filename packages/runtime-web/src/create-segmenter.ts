import type { Segmenter, SegmentOptions } from '@inverseform/runtime'
import type { Device, Rung } from './devices.js'
import type { ImageInput } from './images.js'
import { type SegmenterOptions, settingsOf } from './options.js'
import { WorkerClient } from './worker-client.js'

export interface WebSegmenter extends Segmenter<ImageInput> {
  readonly device: Device
  /** The devices tried, in order, and why each was left; the last one is the one that is used. */
  readonly ladder: readonly Rung[]
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
  const { client, loaded } = await WorkerClient.start(settingsOf(options), options)

  async function segmentBatch(images: readonly ImageInput[], segmentOptions: SegmentOptions = {}) {
    const { signal, onProgress, outputs, scales, flip, tile } = segmentOptions
    return client.run(images, { outputs, scales, flip, tile }, { signal, onProgress })
  }
  return {
    ...loaded,
    segmentBatch,
    async segment(image, segmentOptions) {
      const [segmentation] = await segmentBatch([image], segmentOptions)
      return segmentation
    },
    dispose: () => client.dispose(),
    [Symbol.asyncDispose]: () => client.dispose(),
  }
}
