import { setTimeout } from 'node:timers/promises'
import { InverseFormError } from '@inverseform/errors'
import { untilAborted, withoutPeriod } from '@inverseform/shared'
import { type JobsOptions, Queue } from 'bullmq'
import type { Connection } from './connection.js'
import { ALTERED, LOST, MOST_ATTEMPTS } from './job.js'
import { jobIdOf, QUEUES, queueKey, runKey } from './keys.js'
import { BATCH, type ImageResult, readResults, resultsOf } from './results.js'
import { hasRun, imagesByJob, keepRun, publishRun, type RunDescription, setState } from './runs.js'

/** How often an image is given to workers again after its job failed or its result was not as it was written. */
const MOST_REPEATS = 3

/** Jobs that are added together. */
const ADDED = 1000

export interface CollectOptions {
  /** The id of the run: what its results follow from. */
  readonly id: string
  readonly description: RunDescription
  /** Whether the result of an image was taken already, also in an earlier process. */
  isDone(image: string): boolean
  /**
   * Takes a result. Afterwards the image is done, or else it is processed again; the reason is noted.
   * @returns why the result is of no use
   */
  onResult(result: ImageResult): Promise<string | undefined>
  /** Takes an image that was given up. Afterwards it must be done, unless this throws. */
  onGivenUp(image: string, reason: string): Promise<void>
  readonly onNote?: (note: string) => void
  readonly signal?: AbortSignal
  /** Milliseconds between two looks at the queue; 200 by default. */
  readonly interval?: number
}

/**
 * Gives the images of a run to workers, and takes each result once, until all images are done. Jobs are added for those images alone
 * that have none, so a run goes on that an earlier process started, and jobs that Redis lost are added again.
 *
 * @throws InverseFormError `inference-failed` for an image whose results are of no use again and again; what `onResult` and
 *   `onGivenUp` throw; the signal's reason when it is aborted
 */
export async function collect(connection: Connection, options: CollectOptions): Promise<void> {
  const { signal, interval = 200, description } = options
  await using jobs = openJobs(connection, options)
  for (;;) {
    signal?.throwIfAborted()
    await untilAborted(jobs.step(), signal)
    if (description.images.every((image) => options.isDone(image))) return
    await setTimeout(interval, undefined, { signal }).catch(() => signal?.throwIfAborted())
  }
}

/** Publishes a run and adds its jobs, for workers that come later, and for a process that collects the results. */
export async function submit(
  connection: Connection,
  { id, description }: Pick<CollectOptions, 'id' | 'description'>,
): Promise<void> {
  await publishRun(connection, id, description)
  await using queue = queueOf(connection, id)
  await addJobs(queue.jobs, description.images)
}

/**
 * Makes the images be processed again that a run gave up, or whose result this finds of no use.
 * @returns the number of these images
 */
export async function retry(
  connection: Connection,
  id: string,
  images: readonly string[],
  isUseless: (result: ImageResult) => boolean,
): Promise<number> {
  await using queue = queueOf(connection, id)
  const known = imagesByJob(images)
  const again = await connection.redis.zrange(queueKey(id, 'failed'), '0', '-1')
  for await (const result of resultsOf(connection, id, known)) {
    if (isUseless(result)) again.push(jobIdOf(result.image))
  }
  for (const job of again) await queue.jobs.remove(job)
  await addJobs(
    queue.jobs,
    again.map((job) => known.get(job)).filter((name) => name !== undefined),
  )
  return again.length
}

const jobOptions = (image: string): JobsOptions => ({ jobId: jobIdOf(image), attempts: MOST_ATTEMPTS })

/** Adds jobs. BullMQ leaves those alone that are there. */
async function addJobs(jobs: Queue, images: readonly string[]): Promise<void> {
  for (let i = 0; i < images.length; i += ADDED) {
    await jobs.addBulk(
      images
        .slice(i, i + ADDED)
        .map((image) => ({ name: 'image', data: { image }, opts: jobOptions(image) })),
    )
  }
}

function queueOf({ redis }: Connection, id: string): { readonly jobs: Queue } & AsyncDisposable {
  const jobs = new Queue(id, { connection: redis, prefix: QUEUES, skipMetasUpdate: true })
  // Errors of the connection are noted where it is; those of commands are thrown.
  jobs.on('error', () => {})
  return { jobs, [Symbol.asyncDispose]: () => jobs.close() }
}

interface Jobs extends AsyncDisposable {
  /** Takes what is new, and adds jobs that are missing. */
  step(): Promise<void>
}

function openJobs(
  connection: Connection,
  { id, description, isDone, onResult, onGivenUp, onNote }: CollectOptions,
): Jobs {
  const { images } = description
  const { redis } = connection
  const queue = queueOf(connection, id)
  const known = imagesByJob(images)
  /** Jobs whose results were looked at. */
  let seen = new Set<string>()
  const repeats = new Map<string, number>()

  /** Lists jobs that ended and were not looked at: the latest ones, or all if these are not all, as after a loss of data. */
  async function newJobs(count: number): Promise<string[]> {
    if (count === seen.size) return []
    const key = queueKey(id, 'completed')
    // Ends are by the clocks of the workers, which may differ.
    const latest = count > seen.size ? await redis.zrevrange(key, '0', `${count - seen.size + 63}`) : []
    const fresh = latest.filter((job) => !seen.has(job))
    if (fresh.length + seen.size >= count && latest.length > 0) return fresh.reverse()
    const all = await redis.zrange(key, '0', '-1')
    const before = seen
    seen = new Set(all.filter((job) => before.has(job)))
    return all.filter((job) => !before.has(job))
  }

  async function take(jobs: readonly string[]): Promise<void> {
    for (let i = 0; i < jobs.length; i += BATCH) {
      const batch = jobs.slice(i, i + BATCH)
      for (const job of batch) seen.add(job)
      const names = batch.map((job) => known.get(job)).filter((name) => name !== undefined && !isDone(name))
      const results = await readResults(connection, id, names as string[])
      for (const [i, result] of results.entries()) {
        const image = names[i] as string
        const problem = result === undefined ? 'its result is not as it was written' : await onResult(result)
        if (problem !== undefined) await again(image, problem)
      }
    }
  }

  /** Has an image processed again. */
  async function again(image: string, reason: string): Promise<void> {
    const count = (repeats.get(image) ?? 0) + 1
    repeats.set(image, count)
    if (count > MOST_REPEATS) {
      throw new InverseFormError('inference-failed', `The image ${image} failed ${count} times: ${reason}.`, {
        hint: 'Check what the workers print, and their data. Then go on with the run.',
        details: { image },
      })
    }
    onNote?.(`${image} is done again: ${reason}.`)
    const job = jobIdOf(image)
    await queue.jobs.remove(job)
    seen.delete(job)
    await addJobs(queue.jobs, [image])
  }

  async function takeFailed(): Promise<void> {
    for (const job of await redis.zrange(queueKey(id, 'failed'), '0', '-1')) {
      const reason = (await redis.hget(queueKey(id, job), 'failedReason')) ?? 'it is not known why'
      const image = known.get(job)
      if (image === undefined) {
        onNote?.(`A job that is not of this run was removed: ${reason}`)
        await queue.jobs.remove(job)
      } else if (!isDone(image)) {
        if (reason === LOST) await onGivenUp(image, 'Each worker that took it was lost.')
        else if (reason.startsWith(ALTERED)) await again(image, withoutPeriod(reason))
        else await onGivenUp(image, reason)
      }
    }
  }

  /** Adds the jobs of images that are in no list. A job that is there but in no list would never be taken. */
  async function addMissing(pending: readonly string[]): Promise<void> {
    const lists = await redis
      .multi()
      .lrange(queueKey(id, 'wait'), 0, -1)
      .lrange(queueKey(id, 'active'), 0, -1)
      .zrange(queueKey(id, 'completed'), '0', '-1')
      .zrange(queueKey(id, 'failed'), '0', '-1')
      .exec()
    const [wait, active, completed, failed] = (lists ?? []).map(([, jobs]) => jobs as string[])
    // Results of images that are not done are looked at again.
    const wanted = new Set(pending.map(jobIdOf))
    for (const job of completed) if (wanted.has(job)) seen.delete(job)
    const there = new Set([...wait, ...active, ...completed, ...failed])
    const missing = pending.filter((image) => !there.has(jobIdOf(image)))
    const stray = await redis
      .pipeline(missing.map((image) => ['exists', queueKey(id, jobIdOf(image))]))
      .exec()
    for (const image of missing.filter((_, i) => stray?.[i][1] === 1)) await queue.jobs.remove(jobIdOf(image))
    await addJobs(queue.jobs, missing)
  }

  return {
    async step() {
      if (!(await hasRun(connection, id))) await publishRun(connection, id, description)
      const results = await redis
        .multi()
        .llen(queueKey(id, 'wait'))
        .llen(queueKey(id, 'active'))
        .zcard(queueKey(id, 'completed'))
        .zcard(queueKey(id, 'failed'))
        .hget(runKey(id), 'state')
        .exec()
      const [waiting, active, completed, failed, state] = (results ?? []).map(([, value]) => value) as [
        ...[number, number, number, number],
        string | null,
      ]
      await take(await newJobs(completed))
      if (failed > 0) await takeFailed()
      const pending = images.filter((image) => !isDone(image))
      if (waiting + active < pending.length) await addMissing(pending)
      // Another process may have taken all results of the same run before it was started anew: workers left it.
      if (state === 'finished' && pending.length > 0) {
        await keepRun(connection, id)
        await setState(connection, id, 'open')
      }
    },
    [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose](),
  }
}
