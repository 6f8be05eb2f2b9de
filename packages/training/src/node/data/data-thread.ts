import { Worker } from 'node:worker_threads'
import { fromMessage, InverseFormError } from '@inverseform/errors'
import type { DataPlan, DataReply, DataRequest, DataWork } from './data-worker.js'

interface Pending {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/** A thread that makes batches. It works on all its requests at once, in the order in which their files are decoded. */
export class DataThread {
  readonly #worker: Worker
  readonly #exited: Promise<void>
  readonly #pending = new Map<number, Pending>()
  #requests = 0
  #waiting = 0
  /** Why the thread takes no more requests. */
  #end: InverseFormError | undefined

  constructor(plan: DataPlan) {
    this.#worker = startWorker(plan)
    this.#worker.on('message', (reply: DataReply) => this.#receive(reply))
    this.#worker.on('error', (cause) => this.#fail(threadEnded(cause)))
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        this.#fail(threadEnded(new Error(`exit code ${code}`)))
        resolve()
      })
    })
    // Batches that are made ahead do not keep the process alive; those that somebody waits for do.
    this.#worker.unref()
  }

  /** Number of requests that have no answer yet. */
  get load(): number {
    return this.#pending.size
  }

  /**
   * @throws InverseFormError as the work itself; `out-of-memory` when the thread runs out of memory, `runtime-unavailable` when
   *   it ends for another reason, `disposed` after `end`
   */
  request(work: DataWork): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) return reject(this.#end)
      const id = this.#requests++
      this.#pending.set(id, { resolve, reject })
      this.#worker.postMessage({ id, work } satisfies DataRequest)
    })
  }

  /** Keeps the process alive while somebody waits for a work that uses the thread. */
  async holdFor<T>(work: Promise<T>): Promise<T> {
    if (this.#waiting++ === 0) this.#worker.ref()
    try {
      return await work
    } finally {
      if (--this.#waiting === 0) this.#worker.unref()
    }
  }

  /** Ends the thread and waits for its end. Requests without an answer fail. */
  async end(): Promise<void> {
    this.#fail(new InverseFormError('disposed', 'The training data was closed.'))
    this.#waiting++
    this.#worker.ref()
    this.#worker.postMessage({ kind: 'end' } satisfies DataRequest)
    await this.#exited
  }

  #receive(reply: DataReply): void {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if ('error' in reply) pending?.reject(fromMessage(reply.error))
    else pending?.resolve(reply.result)
  }

  #fail(error: InverseFormError): void {
    this.#end ??= error
    for (const { reject } of this.#pending.values()) reject(this.#end)
    this.#pending.clear()
  }
}

function threadEnded(cause: Error): InverseFormError {
  const outOfMemory = (cause as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
  return new InverseFormError(
    outOfMemory ? 'out-of-memory' : 'runtime-unavailable',
    `A thread that made batches ended: ${cause.message.replace(/\.$/, '')}.`,
    {
      hint: outOfMemory
        ? 'Pass a smaller `cacheBytes` or `readAhead`, or fewer `workers`.'
        : "Pass workers: 0 to use the caller's thread. A bundler must keep data-worker.js next to the module that starts it.",
      cause,
    },
  )
}

function startWorker(workerData: DataPlan): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./data-worker.js', import.meta.url), { workerData, name: 'training data' })
  }
  // When tests run from source, the worker and the packages it imports are TypeScript.
  const entry = JSON.stringify(new URL('./data-worker.ts', import.meta.url).href)
  const start = `import('tsx/esm/api').then(({ register }) => { register(); return import(${entry}) })`
  return new Worker(start, { workerData, eval: true, execArgv: ['--conditions=@inverseform/source'] })
}
