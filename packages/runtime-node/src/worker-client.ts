import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { fromMessage, InverseFormError } from '@inverseform/errors'
import { disposedError, PendingRequests, type RequestOptions, type RequestReply } from '@inverseform/runtime'
import type { TaskKind, Tasks, WorkerReply, WorkerRequest, WorkerStart } from './protocol.js'
import { disableTelemetry } from './telemetry.js'

/** What users call what the worker runs. */
const nouns: Readonly<Record<TaskKind, string>> = {
  segmenter: 'segmenter',
  inverseNet: 'InverseNet',
  diagnosis: 'diagnosis',
}

/** The caller's side of a worker: requests go out, promises come back. */
export class WorkerClient<K extends TaskKind> {
  private readonly requests = new PendingRequests<Tasks[K]['result']>()
  private readonly exited: Promise<unknown>
  private disposing: Promise<void> | undefined

  private constructor(
    private readonly kind: K,
    private readonly worker: Worker,
  ) {
    worker.on('message', (reply: RequestReply<Tasks[K]['result']>) => this.requests.receive(reply))
    worker.on('error', (error) => this.requests.end(workerFailed(kind, error)))
    this.exited = new Promise((resolve) => worker.on('exit', resolve)).then((code) =>
      this.requests.end(workerFailed(kind, new Error(`exit code ${code}`))),
    )
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
    this.requests.requireOpen()
  }

  /**
   * @param request may still be being made: it is under way from now on
   * @throws as `requireRunning`, what the task throws, the signal's reason as soon as it is aborted
   */
  run(
    request: Tasks[K]['request'] | Promise<Tasks[K]['request']>,
    options?: RequestOptions,
  ): Promise<Tasks[K]['result']> {
    const aborted = new SharedArrayBuffer(4)
    const send = async (id: number) => {
      const message = { kind: 'run', id, request: await request, aborted } as const
      options?.signal?.throwIfAborted()
      this.post(message)
    }
    const onAbort = () => void Atomics.store(new Int32Array(aborted), 0, 1)
    const answer = this.requests.request(send, { ...options, onAbort })
    // Work under way keeps the process alive; a network that idles does not.
    this.worker.ref()
    this.requests.idle().then(() => {
      if (this.requests.size === 0 && !this.disposing) this.worker.unref()
    })
    return answer
  }

  /** Lets the work under way finish, then frees the network and ends the worker. */
  dispose(): Promise<void> {
    this.disposing ??= this.stop()
    return this.disposing
  }

  private async stop(): Promise<void> {
    this.requests.close(disposedError(nouns[this.kind]))
    this.worker.ref()
    await this.requests.idle()
    this.post({ kind: 'dispose' })
    await this.exited
  }

  private post(request: WorkerRequest<K>): void {
    this.worker.postMessage(request)
  }
}

function startWorker(workerData: WorkerStart): Worker {
  disableTelemetry()
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
        else if (reply.kind === 'failed') reject(fromMessage(reply.error))
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
