import { Worker } from 'node:worker_threads'
import { fromMessage, InverseFormError } from '@inverseform/errors'
import type { EvaluationPlan, PairToEvaluate } from './evaluate-pair.js'
import { metricsFromJSON } from './metric-set.js'
import type { ThreadReply, ThreadRequest } from './metrics-worker.js'
import type { Counted, PairSeconds } from './pair-counter.js'

type Reply = Extract<ThreadReply, { readonly counted?: unknown }>

interface Pending {
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: unknown) => void
  readonly pair: PairToEvaluate | undefined
}

/** A thread that computes the metrics of pairs. It reads the files of the next pair while it measures one. */
export class MetricsThread {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  #requests = 0
  /** Why the thread ended. */
  #end: Error | undefined

  constructor(plan: EvaluationPlan) {
    this.#worker = startWorker(plan)
    this.#worker.on('message', (reply: ThreadReply) => this.#receive(reply))
    this.#worker.on('error', (cause) => this.#fail(cause))
    this.#worker.on('exit', (code) => this.#fail(new Error(`exit code ${code}`)))
  }

  /** @throws InverseFormError as `evaluatePair`, `out-of-memory` when the thread runs out of memory, and
   *   `runtime-unavailable` when it ends or fails to start for another reason */
  async evaluate(pair: PairToEvaluate, number = 0): Promise<PairSeconds> {
    return (await this.#request({ number, files: pair })).seconds as PairSeconds
  }

  /** Returns what was counted since the last call. */
  async take(): Promise<Counted> {
    const { pairs, states } = (await this.#request()).counted as NonNullable<Reply['counted']>
    return { pairs, metrics: metricsFromJSON(states) }
  }

  /** Terminates the thread and waits for its end. */
  async end(): Promise<void> {
    await this.#worker.terminate()
  }

  #request(pair?: ThreadRequest['pair']): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) return reject(threadEnded(this.#end, pair?.files))
      const id = this.#requests++
      this.#pending.set(id, { resolve, reject, pair: pair?.files })
      this.#worker.postMessage({ id, pair } satisfies ThreadRequest)
    })
  }

  #receive(reply: ThreadReply): void {
    const { resolve, reject } = this.#pending.get(reply.id)!
    this.#pending.delete(reply.id)
    if ('error' in reply) reject(fromMessage(reply.error))
    else resolve(reply)
  }

  #fail(cause: Error): void {
    this.#end ??= cause
    for (const { reject, pair } of this.#pending.values()) reject(threadEnded(this.#end, pair))
  }
}

/** The error of a request that was pending when the thread ended. */
function threadEnded(cause: Error, pair?: PairToEvaluate): InverseFormError {
  const outOfMemory = (cause as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
  const work = pair === undefined ? '' : ` before it finished ${pair.name}`
  return new InverseFormError(
    outOfMemory ? 'out-of-memory' : 'runtime-unavailable',
    `A thread that evaluated pairs ended${work}: ${cause.message.replace(/\.$/, '')}.`,
    {
      hint: outOfMemory
        ? "Use fewer workers, or 0 to use the caller's thread."
        : "Pass workers: 0 to use the caller's thread. A bundler must keep metrics-worker.js next to the module that starts it.",
      details: { name: pair?.name, target: pair?.target, prediction: pair?.prediction },
      cause,
    },
  )
}

function startWorker(workerData: EvaluationPlan): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./metrics-worker.js', import.meta.url), { workerData, name: 'metrics' })
  }
  // When tests run from source, the worker and the packages it imports are TypeScript.
  const entry = JSON.stringify(new URL('./metrics-worker.ts', import.meta.url).href)
  const start = `import('tsx/esm/api').then(({ register }) => { register(); return import(${entry}) })`
  return new Worker(start, { workerData, eval: true, execArgv: ['--conditions=@inverseform/source'] })
}
