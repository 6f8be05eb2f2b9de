import { setTimeout } from 'node:timers/promises'
import { type Job, WaitingError, Worker } from 'bullmq'
import type { Connection } from './connection.js'
import { imageOf, MOST_LOST } from './job.js'
import { QUEUES } from './keys.js'
import type { Processor, Run, RunEvents } from './processor.js'
import { sealed } from './results.js'

interface RunWorkerOptions extends RunEvents {
  readonly lease?: number
}

/** Milliseconds that closing may take when Redis does not answer. */
const MOST_CLOSING = 3000

/** Takes images of one run, until it is closed. */
export class RunWorker {
  readonly id: string
  /** Rejected when an image ended this worker. */
  readonly failed: Promise<never>
  done = 0
  readonly #inFlight = new Map<string, AbortController>()
  /** Images whose results are on their way to Redis, by their jobs. */
  readonly #sent = new Map<string, string>()
  readonly #worker: ImageWorker
  readonly #processor: Processor
  readonly #onEvent: NonNullable<RunEvents['onEvent']>
  #closing: Promise<void> | undefined
  #isHandingBack = false
  #fail: (error: Error) => void = () => {}

  constructor(
    { redis }: Connection,
    { id, description }: Run,
    processor: Processor,
    { lease = 60_000, onEvent = () => {} }: RunWorkerOptions,
  ) {
    this.id = id
    this.#processor = processor
    this.#onEvent = onEvent
    this.failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => {})
    const images = new Set(description.images)
    this.#worker = new ImageWorker(id, (job, token) => this.#process(job, token, images), {
      connection: redis,
      prefix: QUEUES,
      concurrency: processor.concurrency,
      lockDuration: lease,
      stalledInterval: lease / 2,
      maxStalledCount: MOST_LOST,
      // Seconds between looks at an empty queue. A new job wakes the worker at once.
      drainDelay: 5,
      // Milliseconds before a result is sent again after the connection broke.
      runRetryDelay: 1000,
    })
    this.#worker.on('completed', (job, { payload }) => {
      this.done++
      this.#sent.delete(job.id as string)
      onEvent({ type: 'done', run: id, image: job.data.image, payload })
    })
    this.#worker.on('lockRenewalFailed', (jobs) => {
      for (const job of jobs) this.#inFlight.get(job)?.abort(new LeaseLost())
    })
    // Errors of the connection are noted where it is. Others are of jobs, which they name: such a result is not taken.
    this.#worker.on('error', ({ message }) => {
      const job = [...this.#sent.keys()].find((sent) => message.includes(sent))
      if (job === undefined) return
      onEvent({ type: 'lost', run: id, image: this.#sent.get(job) as string })
      this.#sent.delete(job)
    })
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  /** Takes no more images, and waits for those in flight; after `grace` milliseconds, or at once after an error, hands them back. */
  close(grace: number): Promise<void> {
    this.#closing ??= this.#close(grace)
    return this.#closing
  }

  async #close(grace: number): Promise<void> {
    const closed = this.#worker.close()
    const timer = new AbortController()
    const wait = (milliseconds: number) =>
      setTimeout(milliseconds, undefined, { signal: timer.signal }).catch(() => {})
    const isOver = await Promise.race([closed.then(() => true), this.failed.catch(() => false), wait(grace)])
    if (!isOver) {
      this.#isHandingBack = true
      for (const controller of this.#inFlight.values()) controller.abort(new WaitingError())
      // Without an answer of Redis, the images go to others when their leases end.
      await Promise.race([closed, wait(MOST_CLOSING)])
      await this.#worker.stopRenewing()
    }
    timer.abort()
  }

  async #process(job: Job, token: string | undefined, images: ReadonlySet<string>): Promise<unknown> {
    const image = imageOf(job, images)
    const controller = new AbortController()
    const { signal } = controller
    const at = { run: this.id, image }
    this.#inFlight.set(job.id as string, controller)
    this.#onEvent({ type: 'started', ...at })
    try {
      const payload = await Promise.race([this.#processor.process(image, signal), rejectedBy(signal)])
      const result = sealed(this.id, image, payload)
      this.#sent.set(job.id as string, image)
      return result
    } catch (error) {
      if (signal.aborted && this.#isHandingBack) {
        await job.moveToWait(token)
        this.#onEvent({ type: 'handed-back', ...at })
        throw new WaitingError()
      }
      if (signal.aborted) {
        this.#onEvent({ type: 'lost', ...at })
        throw new WaitingError()
      }
      this.#onEvent({ type: 'failed', ...at, error: error as Error })
      this.#fail(error as Error)
      throw error
    } finally {
      this.#inFlight.delete(job.id as string)
    }
  }
}

/** The lease of an image has ended: another worker has it. */
class LeaseLost extends Error {}

class ImageWorker extends Worker {
  /** Also takes jobs whose data is no JSON, so that they fail with a reason, and are not tried forever. */
  override createJob(data: Parameters<Worker['createJob']>[0], id: string): Job {
    try {
      return super.createJob(data, id)
    } catch {
      return super.createJob({ ...data, data: '{}' }, id)
    }
  }

  /** Ends the timer of the leases, which keeps the process alive when closing waits for Redis. */
  stopRenewing(): Promise<void> {
    return this.lockManager.close()
  }
}

const rejectedBy = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
