import { checkArgument, InverseFormError } from '@inverseform/errors'
import {
  type Attempt,
  checkSegmentOptions,
  type DefaultOutputs,
  disagrees,
  type Precision,
  type Segmentation,
  type Segmenter,
  type SegmentOptions,
  type SegmentOutputs,
  segmentOne,
} from '@inverseform/runtime'
import type { CheckpointOrigin } from './checkpoint/load.js'
import type { Device } from './devices/devices.js'
import type { ImageInput } from './images/send-image.js'
import { type SegmenterOptions, segmenterSettings } from './options.js'
import { checkPictureOptions, type PictureOptions } from './picture/options.js'
import { type Picture, pictureInWorker } from './picture/picture.js'
import { startWorker } from './worker/client.js'

export interface WebSegmenter extends Segmenter<ImageInput> {
  readonly device: Device
  /** What the network computes in. */
  readonly precision: Precision
  /** The devices tried, in order, and why each was used or not. The last one is used. */
  readonly attempts: readonly Attempt<Device>[]
  /** Where the checkpoint came from: the network, the browser's cache or memory. */
  readonly origin: CheckpointOrigin
  /**
   * Segments an image for display. The result stays in the worker, on WebGPU in the GPU's memory, and is painted there.
   * @throws as `segment`
   */
  createPicture(image: ImageInput, options?: PictureOptions): Promise<Picture>
}

/**
 * Loads a checkpoint and prepares its network to segment images. Downloading, decoding and inference run in a web worker,
 * so that the page stays responsive.
 *
 * @example
 * const segmenter = await createSegmenter({ checkpoint: '/models/hr16s_4k_slim.pth' })
 * const { labels, width, height } = await segmenter.segment(document.querySelector('canvas'))
 * await segmenter.dispose()
 *
 * @throws InverseFormError `not-found`, `unreadable`, `invalid-checkpoint`, `unsafe-checkpoint` or `checkpoint-mismatch`
 * for a checkpoint that cannot be used; `runtime-unavailable` if no device can run it, with the reason of each;
 * `invalid-argument` for other options; the signal's reason when it is aborted
 */
export async function createSegmenter(options: SegmenterOptions): Promise<WebSegmenter> {
  checkWorkers()
  const settings = segmenterSettings(options)
  const { worker = createWorker, signal, onProgress } = options
  const { client, loaded } = await startWorker(worker, settings, { signal, onProgress })
  if (disagrees(loaded.attempts)) console.warn(loaded.attempts.at(-1)?.reason)

  async function segmentImages<const Outputs extends SegmentOutputs = DefaultOutputs>(
    images: readonly ImageInput[],
    options: SegmentOptions<Outputs> = {},
  ): Promise<Segmentation<Outputs>[]> {
    checkArgument('images', images, Array.isArray(images), 'an array of images')
    checkSegmentOptions(options)
    const { signal, onProgress, outputs, scales, flip, tile, maxPixels = settings.maxPixels } = options
    const segmentations = await client.callWithImages(
      'segment',
      images,
      (images) => ({ images, options: { outputs, scales, flip, tile, maxPixels } }),
      { signal, onProgress },
    )
    // The worker computes what `outputs` lists, which the protocol's types do not tell.
    return segmentations as Segmentation<Outputs>[]
  }
  async function createPicture(image: ImageInput, options: PictureOptions = {}) {
    checkPictureOptions(options)
    const { signal, onProgress, edges, scales, flip, tile, maxPixels = settings.maxPixels } = options
    const created = await client.callWithImages(
      'createPicture',
      [image],
      ([image]) => ({ image, options: { edges, scales, flip, tile, maxPixels } }),
      { signal, onProgress },
    )
    return pictureInWorker(client, created)
  }
  return {
    ...loaded,
    segmentImages,
    createPicture,
    segment: segmentOne(segmentImages),
    dispose: () => client.dispose(),
    [Symbol.asyncDispose]: () => client.dispose(),
  }
}

function createWorker(): Worker {
  // Bundlers recognize exactly this form. The path is relative to this module.
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'inverseform' })
}

/** Checked first: on a server that renders pages, there is no page that the URLs in the options could be relative to. */
function checkWorkers(): void {
  if ('Worker' in globalThis) return
  throw new InverseFormError('runtime-unavailable', 'Web workers are missing: this is not a browser.', {
    hint: 'Create segmenters in the browser, not on the server that renders pages. In Node, use @inverseform/runtime-node.',
  })
}
