import { Worker } from 'node:worker_threads'
import { fromMessage, InverseFormError } from '@inverseform/errors'
import {
  type CompileProgress,
  disposedError,
  PendingRequests,
  type RequestOptions,
  type RequestReply,
} from '@inverseform/runtime'
import type { LoadReply, TaskKind, Tasks, WorkerRequest, WorkerStart } from './protocol.js'

/** What users call a task. */
const nouns: Readonly<Record<TaskKind, string>> = {
  segmenter: 'segmenter',
  inverseNet: 'InverseNet',
  diagnosis: 'diagnosis',
}

export interface StartOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: CompileProgress) => void
}

/** The caller's side of a worker: sends requests and returns promises. */
export class WorkerClient<K extends TaskKind> {
  readonly #requests = new PendingRequests<Tasks[K]['result']>()
  readonly #exited: Promise<unknown>
  readonly #kind: K
  readonly #worker: Worker
  #disposing: Promise<void> | undefined

  /** @param worker is ready for requests: see `startWorker` */
  constructor(kind: K, worker: Worker) {
    this.#kind = kind
    this.#worker = worker
    worker.on('message', (reply: RequestReply<Tasks[K]['result']>) => this.#requests.receive(reply))
    worker.on('error', (error) => this.#requests.end(workerFailed(kind, error)))
    this.#exited = new Promise((resolve) => worker.on('exit', resolve)).then((code) =>
      this.#requests.end(workerFailed(kind, new Error(`exit code ${code}`))),
    )
    worker.unref()
  }

  /** @throws `disposed`, or why the worker ended */
  checkRunning(): void {
    this.#requests.checkOpen()
  }

  /**
   * Sends a request and returns its result.
   *
   * @param request may be a promise; the request counts as under way from now on
   * @throws as `checkRunning`, the error of the task, the reason of the signal as soon as it is aborted
   */
  run(
    request: Tasks[K]['request'] | Promise<Tasks[K]['request']>,
    options?: RequestOptions,
  ): Promise<Tasks[K]['result']> {
    const aborted = new SharedArrayBuffer(4)
    const send = async (id: number) => {
      const message = { kind: 'run', id, request: await request, aborted } as const
      options?.signal?.throwIfAborted()
      this.#post(message)
    }
    const onAbort = () => void Atomics.store(new Int32Array(aborted), 0, 1)
    const answer = this.#requests.request(send, { ...options, onAbort })
    // Work under way keeps the process alive; an idle network does not.
    this.#worker.ref()
    this.#requests.idle().then(() => {
      if (this.#requests.size === 0 && !this.#disposing) this.#worker.unref()
    })
    return answer
  }

  /** Lets the work under way finish, then frees the network and ends the worker. */
  dispose(): Promise<void> {
    this.#disposing ??= this.#stop()
    return this.#disposing
  }

  async #stop(): Promise<void> {
    this.#requests.close(disposedError(nouns[this.#kind]))
    this.#worker.ref()
    await this.#requests.idle()
    this.#post({ kind: 'dispose' })
    await this.#exited
  }

  #post(request: WorkerRequest<K>): void {
    this.#worker.postMessage(request)
  }
}

/** Starts a worker and waits until its task is ready. */
export async function startWorker<K extends TaskKind>(
  kind: K,
  settings: Tasks[K]['settings'],
  options: StartOptions = {},
): Promise<{ client: WorkerClient<K>; loaded: Tasks[K]['loaded']; worker: Worker }> {
  options.signal?.throwIfAborted()
  const aborted = new SharedArrayBuffer(4)
  const worker = createWorker({ kind, settings, aborted })
  try {
    const loaded = await untilLoaded(kind, worker, options)
    return { client: new WorkerClient(kind, worker), loaded, worker }
  } catch (error) {
    // The worker ends by itself. Terminating a thread inside native code would end the whole process, and leave the
    // thread's temporary files behind.
    worker.on('error', () => {})
    Atomics.store(new Int32Array(aborted), 0, 1)
    worker.postMessage({ kind: 'dispose' } satisfies WorkerRequest)
    throw error
  }
}

function createWorker(workerData: WorkerStart): Worker {
  disableTelemetry()
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./worker.js', import.meta.url), { workerData, name: 'inverseform' })
  }
  // The project's tests run from source: the worker and the packages it imports are TypeScript.
  const entry = JSON.stringify(new URL('./worker.ts', import.meta.url).href)
  const start = `import('tsx/esm/api').then(({ register }) => { register(); return import(${entry}) })`
  return new Worker(start, { workerData, eval: true, execArgv: ['--conditions=@inverseform/source'] })
}

/**
 * Keeps ONNX Runtime from sending usage data to Microsoft, as its binaries for Linux and macOS do since 1.29
 * (https://github.com/microsoft/onnxruntime/pull/27379). Set the variable to 0 to allow it. The library reads the
 * environment of the process when it is loaded; a worker thread has a copy, so it cannot set it.
 */
function disableTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= '1'
}

async function untilLoaded<K extends TaskKind>(
  kind: K,
  worker: Worker,
  { signal, onProgress }: StartOptions,
): Promise<Tasks[K]['loaded']> {
  const { promise, resolve, reject } = settled<Tasks[K]['loaded']>()
  const receive = (reply: LoadReply<K>) => {
    if (reply.kind === 'loading') onProgress?.(reply.progress)
    else if (reply.kind === 'loaded') resolve(reply.loaded)
    else reject(fromMessage(reply.error))
  }
  const fail = (error: Error) => reject(workerFailed(kind, error))
  const exit = (code: number) => fail(new Error(`exit code ${code}`))
  const abort = () => reject(signal?.reason)
  worker.on('message', receive).on('error', fail).on('exit', exit)
  signal?.addEventListener('abort', abort)
  try {
    return await promise
  } finally {
    worker.off('message', receive).off('error', fail).off('exit', exit)
    signal?.removeEventListener('abort', abort)
  }
}

/** As `Promise.withResolvers`, which Node 20 does not have. */
function settled<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (reason: unknown) => void = () => {}
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}

function workerFailed(kind: TaskKind, cause: Error): InverseFormError {
  return new InverseFormError('inference-failed', `The inference thread ended: ${cause.message}.`, {
    hint: `Create another ${nouns[kind]}. If it ends again, the machine may be short of memory.`,
    cause,
  })
}
