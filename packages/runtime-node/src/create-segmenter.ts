import { checkArgument, InverseFormError, isInverseFormError } from '@inverseform/errors'
import {
  type Attempt,
  type CompileProgress,
  checkSegmentOptions,
  compact,
  type DefaultOutputs,
  disagrees,
  imageArgument,
  type Precision,
  type Segmentation,
  type Segmenter,
  type SegmentOptions,
  type SegmentOutputs,
  segmentOne,
} from '@inverseform/runtime'
import type { Device } from './devices/devices.js'
import { type ImageInput, openImage } from './images.js'
import { withLocalCheckpoint } from './local-checkpoint.js'
import { type SegmenterOptions, type SegmenterSettings, segmenterSettings } from './options.js'
import { startWorker } from './worker/client.js'
import { type PoolMember, startAll, WorkerPool } from './worker/pool.js'
import type { SegmenterTask } from './worker/tasks/segmenter.js'

export interface NodeSegmenter extends Segmenter<ImageInput> {
  readonly device: Device
  /** How many images are segmented at the same time. */
  readonly workers: number
  /** The numbers of its GPUs, if `deviceId` was set. */
  readonly deviceIds: readonly number[]
  /** What the network computes in. */
  readonly precision: Precision
  /** The devices tried, in order, and why each was used or not. The last one is used; with several workers, one of each. */
  readonly attempts: readonly Attempt<Device>[]
}

/**
 * Loads a checkpoint and prepares its network to segment images. Loading and inference run in worker threads, so that the
 * caller's event loop stays free.
 *
 * @example
 * const segmenter = await createSegmenter({ checkpoint: 'hrnet16-slim' })
 * const { labels, width, height } = await segmenter.segment('street.jpg')
 * await segmenter.dispose()
 *
 * @throws InverseFormError `not-found`, `unreadable`, `invalid-checkpoint`, `unsafe-checkpoint` or `checkpoint-mismatch` for a
 * checkpoint that cannot be used; `limit-exceeded` for weights outside the range of the precision; `runtime-unavailable`
 * if the device or the platform cannot run it; `invalid-argument` for other options
 */
export async function createSegmenter(options: SegmenterOptions): Promise<NodeSegmenter> {
  const [first, ...others] = segmenterSettings(options)
  const { maxPixels } = first
  const { checkpoint } = await withLocalCheckpoint(first, options)
  const settings = [first, ...others].map((each) => ({ ...each, checkpoint }))
  const { members, loaded } = await start(settings, options)
  if (first.workers === 'auto') members.push(...(await startMore(members[0], loaded, settings, options)))
  // A single worker runs a whole batch itself.
  const client = members.length === 1 ? members[0] : new WorkerPool(members)

  async function segmentImages<const Outputs extends SegmentOutputs = DefaultOutputs>(
    images: readonly ImageInput[],
    options: SegmentOptions<Outputs> = {},
  ): Promise<Segmentation<Outputs>[]> {
    client.checkRunning()
    checkArgument('images', images, Array.isArray(images), 'an array of images')
    checkSegmentOptions(options)
    const { signal, onProgress, ...rest } = options
    signal?.throwIfAborted()
    const request = requestOf(images, { maxPixels, ...rest })
    const segmentations = await client.run(request, { signal, onProgress })
    // The worker computes what `outputs` lists, which the protocol's types do not tell.
    return segmentations as Segmentation<Outputs>[]
  }
  return {
    ...loaded,
    segmentImages,
    segment: segmentOne(segmentImages),
    dispose: () => client.dispose(),
    [Symbol.asyncDispose]: () => client.dispose(),
  }
}

async function requestOf(
  inputs: readonly ImageInput[],
  { outputs, scales, flip, tile, maxPixels }: SegmentOptions,
): Promise<SegmenterTask['request']> {
  const decoded = await Promise.all(
    inputs.map((input, i) => {
      return openImage(input, { name: imageArgument(i, inputs.length), maxPixels })
    }),
  )
  const images = decoded.map(({ data, width, height }) => ({ data: compact(data), width, height }))
  return { images, options: { outputs, scales, flip, tile } }
}

/** Starts the workers that the first one has decided on. */
async function startMore(
  first: PoolMember,
  { workers, device }: Pick<NodeSegmenter, 'workers' | 'device'>,
  [settings]: readonly SegmenterSettings[],
  options: Pick<SegmenterOptions, 'signal' | 'onProgress'>,
): Promise<PoolMember[]> {
  if (workers === 1) return []
  try {
    const more = Array.from({ length: workers - 1 }, () => ({ ...settings, device, workers }))
    return (await start(more, options)).members
  } catch (error) {
    await first.dispose()
    throw error
  }
}

/** Starts the workers. */
async function start(
  settings: readonly SegmenterSettings[],
  { signal, onProgress }: Pick<SegmenterOptions, 'signal' | 'onProgress'>,
): Promise<{ members: PoolMember[]; loaded: SegmenterTask['loaded'] & Pick<NodeSegmenter, 'deviceIds'> }> {
  const starts = settings.map((each) => async (either: AbortSignal) => {
    const report = (progress: CompileProgress) => onProgress?.(progress as CompileProgress<Device>)
    try {
      return await startWorker('segmenter', each, { signal: either, onProgress: report })
    } catch (error) {
      throw each.deviceId === undefined || settings.length === 1 ? error : onGpu(each, error)
    }
  })
  const workers = await startAll(starts, ({ client }) => client.dispose(), signal)
  const deviceIds = [...new Set(settings.flatMap(({ deviceId }) => deviceId ?? []))]
  // Further workers of a device repeat what the first one tried.
  const onDevices = workers.slice(0, Math.max(1, deviceIds.length)).map(({ loaded }) => loaded)
  for (const { attempts } of onDevices) {
    if (disagrees(attempts)) process.emitWarning(attempts.at(-1)?.reason as string)
  }
  const loaded = { ...onDevices[0], deviceIds, attempts: onDevices.flatMap(({ attempts }) => attempts) }
  return { members: workers.map(({ client }) => client), loaded }
}

/** Adds to an error which of several GPUs it is from. */
function onGpu({ device, deviceId }: SegmenterSettings, error: unknown): unknown {
  if (!isInverseFormError(error)) return error
  const { code, message, hint, details } = error
  return new InverseFormError(code, `On GPU ${deviceId} (${device}): ${message}`, {
    hint,
    details: { ...details, deviceId },
    cause: error,
  })
}
