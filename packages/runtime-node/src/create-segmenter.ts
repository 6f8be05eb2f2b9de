import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import {
  compact,
  disagrees,
  type Precision,
  type Rung,
  requireMemoryBudget,
  type Segmenter,
  type SegmentOptions,
} from '@inverseform/runtime'
import type { Device } from './devices.js'
import { type ImageInput, readImage } from './images.js'
import { type DeviceSettings, deviceSettings, networkSettings, type SegmenterOptions } from './options.js'
import type { SegmenterTask } from './tasks/segmenter.js'
import { WorkerClient } from './worker-client.js'
import { type PoolMember, startAll, WorkerPool } from './worker-pool.js'

/**
 * Loads a checkpoint and makes its network ready to segment images. Loading and inference run in a thread of their
 * own, with several GPUs in one each: the caller's event loop is not blocked.
 *
 * @example
 * await using segmenter = await createSegmenter({ checkpoint: 'hr16s_4k_slim.pth' })
 * const { labels, width, height } = await segmenter.segment('street.jpg')
 *
 * @throws InverseFormError `not-found`, `invalid-checkpoint`, `unsafe-checkpoint` or `checkpoint-mismatch` for a
 * checkpoint that cannot be used, `limit-exceeded` for weights that the precision cannot hold, `runtime-unavailable` for
 * a device or platform that cannot run it, `invalid-argument` for other options.
 */
export async function createSegmenter(options: SegmenterOptions): Promise<NodeSegmenter> {
  const { members, loaded } = await start(settingsOf(options), options.signal)
  // A worker alone runs a whole batch as it sees fit.
  const client = members.length === 1 ? members[0] : new WorkerPool(members)

  async function segmentBatch(images: readonly ImageInput[], segmentOptions: SegmentOptions = {}) {
    client.requireRunning()
    const { signal, onProgress, ...options } = segmentOptions
    signal?.throwIfAborted()
    return client.run(requestOf(images, options), { signal, onProgress })
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

async function requestOf(
  inputs: readonly ImageInput[],
  { outputs, scales, flip, tile }: SegmentOptions,
): Promise<SegmenterTask['request']> {
  const decoded = await Promise.all(inputs.map(readImage))
  const images = decoded.map(({ data, width, height }) => ({ data: compact(data), width, height }))
  return { images, options: { outputs, scales, flip, tile } }
}

export interface NodeSegmenter extends Segmenter<ImageInput> {
  readonly device: Device
  /** The GPUs that it runs on, where they were named by number. */
  readonly deviceIds: readonly number[]
  /** What the network computes in there. */
  readonly precision: Precision
  /** The devices tried, in order, and why each was left; the last one is the one that is used. With several GPUs, all are. */
  readonly ladder: readonly Rung<Device>[]
}

type Settings = SegmenterTask['settings']

function settingsOf(options: SegmenterOptions): Settings[] {
  const { model, edge = false, classes, memoryBudget, threads } = options
  requireMemoryBudget(memoryBudget)
  const network = { ...networkSettings(options), model, edge, classes, memoryBudget }
  const devices = deviceSettings(options)
  // Threads that nobody asked for are shared.
  const share = threads ? network.threads : Math.max(1, Math.floor(network.threads / devices.length))
  return devices.map((device) => ({ ...network, ...device, threads: share }))
}

/** Starts a worker for each device. */
async function start(
  settings: readonly Settings[],
  signal?: AbortSignal,
): Promise<{ members: PoolMember[]; loaded: SegmenterTask['loaded'] & Pick<NodeSegmenter, 'deviceIds'> }> {
  const starts = settings.map((each) => async (either: AbortSignal) => {
    try {
      return await WorkerClient.start('segmenter', each, either)
    } catch (error) {
      throw settings.length === 1 ? error : onGpu(each, error)
    }
  })
  const workers = await startAll(starts, ({ client }) => client.dispose(), signal)
  for (const { loaded } of workers) {
    if (disagrees(loaded.ladder)) process.emitWarning(loaded.ladder.at(-1)?.reason as string)
  }
  return {
    members: workers.map(({ client }) => client),
    loaded: {
      ...workers[0].loaded,
      deviceIds: settings.flatMap(({ deviceId }) => deviceId ?? []),
      ladder: workers.flatMap(({ loaded }) => loaded.ladder),
    },
  }
}

/** Says which of several GPUs it was. */
function onGpu({ device, deviceId }: DeviceSettings, error: unknown): unknown {
  if (!isInverseFormError(error)) return error
  const { code, message, hint, details } = error
  return new InverseFormError(code, `On GPU ${deviceId} (${device}): ${message}`, {
    hint,
    details: { ...details, deviceId },
    cause: error,
  })
}
