import { Worker } from 'node:worker_threads'
import { fromMessage, InverseFormError } from '@inverseform/errors'
import type { EvaluationPlan, PairToEvaluate } from './evaluate-pair.js'
import { type Metrics, metricsFromJSON } from './metric-set.js'
import type { PairReply, PairRequest } from './metrics-worker.js'

interface Pending {
  readonly pair: PairToEvaluate
  readonly resolve: (metrics: Partial<Metrics>) => void
  readonly reject: (error: unknown) => void
}

/** A thread that evaluates pairs, one after the other, reading the files of the next meanwhile. */
export class MetricsThread {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  #requests = 0
  /** Why the thread has ended. */
  #end: Error | undefined

  constructor(plan: EvaluationPlan) {
    this.#worker = startWorker(plan)
    this.#worker.on('message', (reply: PairReply) => this.#receive(reply))
    this.#worker.on('error', (cause) => this.#fail(cause))
    this.#worker.on('exit', (code) => this.#fail(new Error(`exit code ${code}`)))
  }

  /** @throws InverseFormError as `evaluatePair`, and `out-of-memory` when the thread ends */
  evaluate(pair: PairToEvaluate): Promise<Partial<Metrics>> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) return reject(threadEnded(pair, this.#end))
      const id = this.#requests++
      this.#pending.set(id, { pair, resolve, reject })
      this.#worker.postMessage({ id, pair } satisfies PairRequest)
    })
  }

  /** Ends the thread, whatever it is doing, and waits until it has ended. */
  async end(): Promise<void> {
    await this.#worker.terminate()
  }

  #receive(reply: PairReply): void {
    const { resolve, reject } = this.#pending.get(reply.id)!
    this.#pending.delete(reply.id)
    if ('error' in reply) reject(fromMessage(reply.error))
    else resolve(metricsFromJSON(reply.states))
  }

  #fail(cause: Error): void {
    this.#end ??= cause
    for (const { pair, reject } of this.#pending.values()) reject(threadEnded(pair, this.#end))
  }
}

const threadEnded = (pair: PairToEvaluate, cause: Error): InverseFormError =>
  new InverseFormError('out-of-memory', `The thread that evaluated ${pair.name} ended: ${cause.message}.`, {
    hint: 'Use fewer workers if the machine is short of memory, or 0 to work in the thread of the caller.',
    details: { ...pair },
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
