import { InverseFormError } from '@inverseform/errors'
import type { Segmenter, SegmentOptions } from '@inverseform/runtime'
import { type ImageInput, readImage } from './images.js'
import type { SegmenterOptions } from './options.js'
import { pathOf } from './path.js'
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
    client.requireRunning()
    segmentOptions.signal?.throwIfAborted()
    const decoded = await untilAborted(Promise.all(images.map(readImage)), segmentOptions.signal)
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
    throw new InverseFormError('runtime-unavailable', `The device "${device}" is not available.`, {
      hint: 'This version runs on `cpu`; `auto` chooses it.',
    })
  }
  if (![URL, Uint8Array].some((type) => checkpoint instanceof type) && typeof checkpoint !== 'string') {
    throw new InverseFormError('invalid-argument', 'No checkpoint was given.', {
      hint: 'Set `checkpoint` to the path, the file URL or the bytes of a .pth or .safetensors file.',
    })
  }
  requireOption(
    'threads',
    threads,
    Number.isInteger(threads) && threads >= 0,
    'a whole number, 0 for all cores',
  )
  requireOption(
    'memoryBudget',
    memoryBudget,
    memoryBudget === undefined || memoryBudget > 0,
    'a number of bytes above 0',
  )
  return {
    checkpoint: checkpoint instanceof URL ? pathOf(checkpoint) : checkpoint,
    model,
    edge,
    classes,
    device: 'cpu',
    threads,
    memoryBudget,
  }
}

function requireOption(name: string, value: unknown, valid: boolean, expected: string): void {
  if (valid) return
  throw new InverseFormError('invalid-argument', `The option ${name} is ${value}.`, {
    hint: `Give ${expected}.`,
  })
}

async function untilAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return work
  const listening = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { signal: listening.signal })
  })
  return Promise.race([work, aborted]).finally(() => listening.abort())
}
