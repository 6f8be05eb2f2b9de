import { Worker } from 'node:worker_threads'
import { fromMessage, InverseFormError } from '@inverseform/errors'
import type { EvaluationPlan, PairToEvaluate } from './evaluate-pair.js'
import { type Metrics, metricsFromJSON } from './metric-set.js'
import type { ThreadReply, ThreadRequest } from './metrics-worker.js'

interface Pending {
  readonly resolve: (states: unknown) => void
  readonly reject: (error: unknown) => void
  readonly pair: PairToEvaluate | undefined
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

  /** @throws InverseFormError as `evaluatePair`, `out-of-memory` when the thread ends for want of it, and
   *   `runtime-unavailable` when it ends, or does not start, for another reason */
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
      if (this.#end !== undefined) return reject(threadEnded(this.#end, pair))
      const id = this.#requests++
      this.#pending.set(id, { resolve, reject, pair })
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
    for (const { reject, pair } of this.#pending.values()) reject(threadEnded(this.#end, pair))
  }
}

/** The error for a pair, or for what was gathered, that a thread did not live to give. */
function threadEnded(cause: Error, pair?: PairToEvaluate): InverseFormError {
  const outOfMemory = (cause as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
  const work = pair === undefined ? '' : ` before it was done with ${pair.name}`
  return new InverseFormError(
    outOfMemory ? 'out-of-memory' : 'runtime-unavailable',
    `A thread that evaluated pairs ended${work}: ${cause.message.replace(/\.$/, '')}.`,
    {
      hint: outOfMemory
        ? 'Use fewer workers, or 0 to work in the thread of the caller.'
        : 'Use 0 workers to work in the thread of the caller. A bundler must leave metrics-worker.js beside the module that starts it.',
      details: { name: pair?.name, truth: pair?.truth, prediction: pair?.prediction },
      cause,
    },
  )
}

function startWorker(workerData: EvaluationPlan): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./metrics-worker.js', import.meta.url), { workerData, name: 'metrics' })
  // From source, as the project's tests run, the worker is TypeScript and so are the packages it imports.
  const entry = JSON.stringify(new URL('./metrics-worker.ts', import.meta.url).href)
  const start = `import('tsx/esm/api').then(({ register }) => { register(); return import(${entry}) })`
  return new Worker(start, { workerData, eval: true, execArgv: ['--conditions=@inverseform/source'] })
}
