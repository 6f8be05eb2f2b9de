import { fileURLToPath } from 'node:url'
import { InverseFormError } from '@inverseform/errors'
import type { Segmenter, SegmentOptions } from '@inverseform/runtime'
import { type ImageInput, readImage } from './images.js'
import type { SegmenterOptions } from './options.js'
import type { WorkerSettings } from './protocol.js'
import { WorkerClient } from './worker-client.js'

/**
 * Loads a checkpoint and makes its network ready to segment images. Loading and inference run in a thread of their
 * own: the caller's event loop is not blocked.
 *
 * @example
 * await using segmenter = await createSegmenter({ checkpoint: 'hr16s_4k_slim.pth' })
 * const { labels, width, height } = await segmenter.segment('street.jpg')
 *
 * @throws InverseFormError `not-found`, `invalid-checkpoint`, `unsafe-checkpoint` or `checkpoint-mismatch` for a
 * checkpoint that cannot be used, `runtime-unavailable` for a device or platform that cannot run it.
 */
export async function createSegmenter(options: SegmenterOptions): Promise<NodeSegmenter> {
  const { client, loaded } = await WorkerClient.start(workerSettings(options), options.signal)

  async function segmentBatch(images: readonly ImageInput[], segmentOptions: SegmentOptions = {}) {
    const decoded = await Promise.all(images.map(readImage))
    return client.segment(decoded, segmentOptions)
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

export type NodeSegmenter = Segmenter<ImageInput>

function workerSettings(options: SegmenterOptions): WorkerSettings {
  const { checkpoint, model, edge = false, classes, device = 'auto', threads = 0, memoryBudget } = options
  if (device !== 'auto' && device !== 'cpu') {
    throw new InverseFormError('runtime-unavailable', `the device "${device}" is not available`, {
      hint: 'This version runs on `cpu`; `auto` chooses it.',
    })
  }
  return {
    checkpoint: checkpoint instanceof URL ? fileURLToPath(checkpoint) : checkpoint,
    model,
    edge,
    classes,
    device: 'cpu',
    threads,
    memoryBudget,
  }
}
