import { checkInteger } from '@inverseform/errors'
import type { Batch } from '../../batch.js'
import { type BatchMaker, batchMaker } from '../../data/batch-maker.js'
import type { TargetClasses } from '../../data/class-places.js'
import { type BatchOptions, batchSettings, type SampledData, sampledData } from '../../data/training-data.js'
import { DataThread } from './data-thread.js'
import type { DataWork } from './data-worker.js'
import { CACHE_BYTES, type FileSampleOptions, fileSamples } from './file-samples.js'
import { readingAhead } from './reading-ahead.js'
import { findSampleFiles, type SampleSource } from './sample-files.js'

export interface ThreadOptions extends FileSampleOptions {
  /** Threads that decode and augment. Defaults to 1; 0 for the caller's thread. */
  readonly workers?: number
  /** Batches that are made before they are asked for. Defaults to 2. */
  readonly readAhead?: number
}

/** Training data that must be closed. */
export interface OpenTrainingData extends SampledData, AsyncDisposable {
  /** Names of images in plain folders that have no label map, and so are left out. */
  readonly unlabeled: readonly string[]
  /** Ends the threads. Batches that were asked for and are not there yet fail with `disposed`. */
  close(): Promise<void>
}

/**
 * Opens a folder of images and label maps for training. Threads decode and augment batches before they are asked for.
 *
 * @throws InverseFormError as `createTrainingData` and `openTrainingSamples`; `out-of-memory` or `runtime-unavailable` when a
 *   thread ends
 *
 * @example
 * const data = await openTrainingData({
 *   images: 'photos', gt: 'labels', numClasses: 3, cropSize: [256, 512], batchSize: 2, seed: 1,
 * })
 */
export async function openTrainingData(
  options: SampleSource & BatchOptions & ThreadOptions,
): Promise<OpenTrainingData> {
  const { workers = 1, readAhead = 2, cacheBytes = CACHE_BYTES } = options
  checkInteger('workers', workers, { min: 0, max: 64 })
  checkInteger('readAhead', readAhead, { min: 0, max: 64 })
  checkInteger('cacheBytes', cacheBytes, { min: 0 })
  const settings = batchSettings(options)
  const files = await findSampleFiles(options)
  // Threads keep different images, each its share.
  const plan = { files, settings, cacheBytes: Math.floor(cacheBytes / Math.max(1, workers)) }
  const threads = Array.from({ length: workers }, () => new DataThread(plan))
  const close = async () => {
    await Promise.all(threads.map((thread) => thread.end()))
  }
  const maker =
    threads.length > 0 ? threadedMaker(threads) : batchMaker(fileSamples(files, cacheBytes), settings)
  try {
    const parallel = 2 * Math.max(1, workers)
    const scanned = sampledData(maker, files.files.length, options, parallel)
    const data = readingAhead(await keepingAlive(threads, scanned), readAhead)
    const batch = (step: number) => keepingAlive(threads, data.batch(step))
    return { ...data, unlabeled: files.unlabeled, batch, close, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Gives each request to the thread with the fewest. */
function threadedMaker(threads: readonly DataThread[]): BatchMaker {
  const request = (work: DataWork) =>
    threads.reduce((least, thread) => (thread.load < least.load ? thread : least)).request(work)
  return {
    classes: (sample) => request({ kind: 'classes', sample }) as Promise<TargetClasses>,
    batch: (step, picks) => request({ kind: 'batch', step, picks }) as Promise<Batch>,
  }
}

/** Keeps the process alive while somebody waits for work of the threads. */
const keepingAlive = <T>(threads: readonly DataThread[], work: Promise<T>): Promise<T> =>
  threads.reduce((held, thread) => thread.holdFor(held), work)
