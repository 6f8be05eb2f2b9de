import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { fromMessage, InverseFormError } from '@inverseform/errors'
import type { RequestProgress, TaskKind, Tasks, WorkerReply, WorkerRequest, WorkerStart } from './protocol.js'

/** What users call what the worker runs. */
const nouns: Readonly<Record<TaskKind, string>> = {
  segmenter: 'segmenter',
  inverseNet: 'InverseNet',
  diagnosis: 'diagnosis',
}

interface Pending<K extends TaskKind> {
  readonly onProgress: (progress: RequestProgress) => void
  readonly resolve: (result: Tasks[K]['result']) => void
  readonly reject: (reason: unknown) => void
}

export interface RequestOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: RequestProgress) => void
}

/** The caller's side of a worker: requests go out, promises come back. */
export class WorkerClient<K extends TaskKind> {
  /** Requests that the worker has not answered; an aborted one is settled before that. */
  private readonly pending = new Map<number, Pending<K>>()
  private requests = 0
  /** Why no more requests are taken. */
  private ended: InverseFormError | undefined
  private disposing: Promise<void> | undefined

  private constructor(
    private readonly kind: K,
    private readonly worker: Worker,
  ) {
    worker.on('message', (reply: WorkerReply<K>) => this.receive(reply))
    worker.on('error', (error) => this.end(workerFailed(kind, error)))
    worker.on('exit', (code) => this.end(workerFailed(kind, new Error(`exit code ${code}`))))
    worker.unref()
  }

  /** Starts a worker and waits until its network is ready. */
  static async start<K extends TaskKind>(
    kind: K,
    settings: Tasks[K]['settings'],
    signal?: AbortSignal,
  ): Promise<{ client: WorkerClient<K>; loaded: Tasks[K]['loaded'] }> {
    signal?.throwIfAborted()
    const aborted = new SharedArrayBuffer(4)
    const worker = startWorker({ kind, settings, aborted })
    try {
      const loaded = await firstReply(kind, worker, signal)
      return { client: new WorkerClient(kind, worker), loaded }
    } catch (error) {
      // The worker ends by itself: terminating a thread inside native code would take the whole process down, and
      // leave the thread's temporary files behind.
      worker.on('error', () => {})
      Atomics.store(new Int32Array(aborted), 0, 1)
      worker.postMessage({ kind: 'dispose' } satisfies WorkerRequest)
      throw error
    }
  }

  /** @throws `disposed`, or why the worker ended. */
  requireRunning(): void {
    if (this.ended) throw this.ended
  }

  async run(
    request: Tasks[K]['request'],
    { signal, onProgress }: RequestOptions = {},
  ): Promise<Tasks[K]['result']> {
    this.requireRunning()
    signal?.throwIfAborted()
    const id = this.requests++
    const aborted = new SharedArrayBuffer(4)
    let onAbort = () => {}
    try {
      return await new Promise<Tasks[K]['result']>((resolve, reject) => {
        onAbort = () => {
          Atomics.store(new Int32Array(aborted), 0, 1)
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', onAbort)
        this.post({ kind: 'run', id, request, aborted })
        this.pending.set(id, {
          onProgress: (progress) => signal?.aborted || onProgress?.(progress),
          resolve,
          reject,
        })
        // Work under way keeps the process alive; a network that idles does not.
        this.worker.ref()
      })
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Lets the work under way finish, then frees the network and ends the worker. */
  dispose(): Promise<void> {
    this.disposing ??= this.ended ? Promise.resolve() : this.stop()
    return this.disposing
  }

  private async stop(): Promise<void> {
    this.ended = new InverseFormError('disposed', `This ${nouns[this.kind]} has been disposed of.`, {
      hint: 'Create another one, or dispose of it later.',
    })
    this.worker.ref()
    const exited = once(this.worker, 'exit')
    this.post({ kind: 'dispose' })
    await exited
  }

  private post(request: WorkerRequest<K>): void {
    this.worker.postMessage(request)
  }

  private receive(reply: WorkerReply<K>): void {
    if (reply.kind === 'loaded' || reply.id === undefined) return
    const request = this.pending.get(reply.id)
    if (reply.kind === 'progress') request?.onProgress(reply.progress)
    else if (reply.kind === 'result') request?.resolve(reply.result)
    else request?.reject(fromMessage(reply.error))
    if (reply.kind === 'progress') return
    this.pending.delete(reply.id)
    if (this.pending.size === 0 && !this.ended) this.worker.unref()
  }

  private end(error: InverseFormError): void {
    this.ended ??= error
    for (const { reject } of this.pending.values()) reject(this.ended)
  }
}

/** Sending a view sends the whole of its buffer: a small part of a large one is copied first. */
export function compact<T>(data: T): T {
  if (!ArrayBuffer.isView(data) || data.byteLength === data.buffer.byteLength) return data
  return (data as T & Uint8Array).slice() as T & Uint8Array
}

function startWorker(workerData: WorkerStart): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./worker.js', import.meta.url), { workerData, name: 'inverseform' })
  }
  // From source, as the project's tests run, the worker is TypeScript and so are the packages it imports.
  const entry = JSON.stringify(new URL('./worker.ts', import.meta.url).href)
  const start = `import('tsx/esm/api').then(({ register }) => { register(); return import(${entry}) })`
  return new Worker(start, { workerData, eval: true, execArgv: ['--conditions=@inverseform/source'] })
}

function firstReply<K extends TaskKind>(
  kind: K,
  worker: Worker,
  signal?: AbortSignal,
): Promise<Tasks[K]['loaded']> {
  const listening = new AbortController()
  const options = { signal: listening.signal }
  return new Promise<Tasks[K]['loaded']>((resolve, reject) => {
    once(worker, 'message', options).then(
      ([reply]: WorkerReply<K>[]) => {
        if (reply.kind === 'loaded') resolve(reply.loaded)
        else if (reply.kind === 'error') reject(fromMessage(reply.error))
      },
      (error) => reject(workerFailed(kind, error)),
    )
    once(worker, 'exit', options).then(
      ([code]) => reject(workerFailed(kind, new Error(`exit code ${code}`))),
      () => {},
    )
    signal?.addEventListener('abort', () => reject(signal.reason), options)
  }).finally(() => listening.abort())
}

function workerFailed(kind: TaskKind, cause: Error): InverseFormError {
  return new InverseFormError('inference-failed', `The inference thread ended: ${cause.message}.`, {
    hint: `Create another ${nouns[kind]}. If it ends again, the machine may be short of memory.`,
    cause,
  })
}
