import type { Segmenter, SegmentOptions } from '@inverseform/runtime'
import type { Device } from './devices.js'
import { type ImageInput, readImage } from './images.js'
import type { Rung } from './ladder.js'
import { deviceSettings, networkSettings, requireOption, type SegmenterOptions } from './options.js'
import { disagrees } from './self-check.js'
import type { SegmenterTask } from './tasks/segmenter.js'
import { compact, WorkerClient } from './worker-client.js'

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
  const settings = settingsOf(options)
  const { client, loaded } = await WorkerClient.start('segmenter', settings, options.signal)
  if (disagrees(loaded.ladder)) process.emitWarning(loaded.ladder.at(-1)?.reason as string)

  async function segmentBatch(images: readonly ImageInput[], segmentOptions: SegmentOptions = {}) {
    client.requireRunning()
    const { signal, onProgress, outputs, scales, flip, tile } = segmentOptions
    signal?.throwIfAborted()
    const decoded = await untilAborted(Promise.all(images.map(readImage)), signal)
    const sent = decoded.map(({ data, width, height }) => ({ data: compact(data), width, height }))
    return client.run({ images: sent, options: { outputs, scales, flip, tile } }, { signal, onProgress })
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

export interface NodeSegmenter extends Segmenter<ImageInput> {
  readonly device: Device
  /** The devices tried, in order, and why each was left; the last one is the one that is used. */
  readonly ladder: readonly Rung[]
}

function settingsOf(options: SegmenterOptions): SegmenterTask['settings'] {
  const { model, edge = false, classes, memoryBudget } = options
  const settings = { ...networkSettings(options), ...deviceSettings(options) }
  requireOption(
    'memoryBudget',
    memoryBudget,
    memoryBudget === undefined || memoryBudget > 0,
    'a number of bytes above 0',
  )
  return { ...settings, model, edge, classes, memoryBudget }
}

async function untilAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return work
  const listening = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { signal: listening.signal })
  })
  return Promise.race([work, aborted]).finally(() => listening.abort())
}
