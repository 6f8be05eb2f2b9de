import { Worker } from 'node:worker_threads'
import { fromMessage, InverseFormError } from '@inverseform/errors'
import type { EvaluationPlan, PairToEvaluate } from './evaluate-pair.js'
import { type Metrics, metricsFromJSON } from './metric-set.js'
import type { ThreadReply, ThreadRequest } from './metrics-worker.js'

interface Pending {
  readonly resolve: (states: unknown) => void
  readonly reject: (error: unknown) => void
}

/** A thread that gathers the metrics of pairs: it measures one after the other, reading the files of the next meanwhile. */
export class MetricsThread {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  #requests = 0
  /** Why the thread has ended. */
  #end: Error | undefined

  constructor(plan: EvaluationPlan) {
    this.#worker = startWorker(plan)
    this.#worker.on('message', (reply: ThreadReply) => this.#receive(reply))
    this.#worker.on('error', (cause) => this.#fail(cause))
    this.#worker.on('exit', (code) => this.#fail(new Error(`exit code ${code}`)))
  }

  /** @throws InverseFormError as `evaluatePair`, and `out-of-memory` when the thread ends */
  async evaluate(pair: PairToEvaluate): Promise<void> {
    await this.#request(pair)
  }

  /** What the thread has gathered. */
  async metrics(): Promise<Partial<Metrics>> {
    return metricsFromJSON(await this.#request())
  }

  /** Ends the thread, whatever it is doing, and waits until it has ended. */
  async end(): Promise<void> {
    await this.#worker.terminate()
  }

  #request(pair?: PairToEvaluate): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) return reject(threadEnded(this.#end))
      const id = this.#requests++
      this.#pending.set(id, { resolve, reject })
      this.#worker.postMessage({ id, pair } satisfies ThreadRequest)
    })
  }

  #receive(reply: ThreadReply): void {
    const { resolve, reject } = this.#pending.get(reply.id)!
    this.#pending.delete(reply.id)
    if ('error' in reply) reject(fromMessage(reply.error))
    else resolve(reply.states)
  }

  #fail(cause: Error): void {
    this.#end ??= cause
    for (const { reject } of this.#pending.values()) reject(threadEnded(this.#end))
  }
}

const threadEnded = (cause: Error): InverseFormError =>
  new InverseFormError('out-of-memory', `A thread that evaluated pairs ended: ${cause.message}.`, {
    hint: 'Use fewer workers if the machine is short of memory, or 0 to work in the thread of the caller.',
    cause,
  })

function startWorker(workerData: EvaluationPlan): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./metrics-worker.js', import.meta.url), { workerData, name: 'metrics' })
  // From source, as the project's tests run, the worker is TypeScript and so are the packages it imports.
  const entry = JSON.stringify(new URL('./metrics-worker.ts', import.meta.url).href)
  const start = `import('tsx/esm/api').then(({ register }) => { register(); return import(${entry}) })`
  return new Worker(start, { workerData, eval: true, execArgv: ['--conditions=@inverseform/source'] })
}
