import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { InverseFormError } from '@inverseform/errors'
import type { RgbImage, Segmentation, SegmentOptions, SegmentProgress } from '@inverseform/runtime'
import {
  fromMessage,
  type Loaded,
  type WorkerReply,
  type WorkerRequest,
  type WorkerSettings,
  type WorkerStart,
} from './protocol.js'

interface Pending {
  readonly onProgress: (progress: SegmentProgress) => void
  readonly resolve: (segmentations: Segmentation[]) => void
  readonly reject: (reason: unknown) => void
}

/** The caller's side of the worker: requests go out, promises come back. */
export class WorkerClient {
  /** Requests that the worker has not answered; an aborted one is settled before that. */
  private readonly pending = new Map<number, Pending>()
  private requests = 0
  /** Why no more requests are taken. */
  private ended: InverseFormError | undefined
  private disposing: Promise<void> | undefined

  private constructor(private readonly worker: Worker) {
    worker.on('message', (reply: WorkerReply) => this.receive(reply))
    worker.on('error', (error) => this.end(workerFailed(error)))
    worker.on('exit', (code) => this.end(workerFailed(new Error(`exit code ${code}`))))
    worker.unref()
  }

  /** Starts a worker and waits until its network is ready. */
  static async start(
    settings: WorkerSettings,
    signal?: AbortSignal,
  ): Promise<{ client: WorkerClient; loaded: Loaded }> {
    signal?.throwIfAborted()
    const aborted = new SharedArrayBuffer(4)
    const worker = startWorker({ settings, aborted })
    try {
      const loaded = await firstReply(worker, signal)
      return { client: new WorkerClient(worker), loaded }
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

  async segment(
    images: readonly RgbImage[],
    { signal, onProgress, outputs, scales, flip, tile }: SegmentOptions,
  ): Promise<Segmentation[]> {
    this.requireRunning()
    signal?.throwIfAborted()
    const id = this.requests++
    const aborted = new SharedArrayBuffer(4)
    let onAbort = () => {}
    try {
      return await new Promise<Segmentation[]>((resolve, reject) => {
        onAbort = () => {
          Atomics.store(new Int32Array(aborted), 0, 1)
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', onAbort)
        const options = { outputs, scales, flip, tile }
        this.post({ kind: 'segment', request: { id, images: images.map(compact), options, aborted } })
        this.pending.set(id, {
          onProgress: (progress) => signal?.aborted || onProgress?.(progress),
          resolve,
          reject,
        })
        // Work under way keeps the process alive; a segmenter that idles does not.
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
    this.ended = new InverseFormError('disposed', 'This segmenter has been disposed of.', {
      hint: 'Create another one, or dispose of it later.',
    })
    this.worker.ref()
    const exited = once(this.worker, 'exit')
    this.post({ kind: 'dispose' })
    await exited
  }

  private post(request: WorkerRequest): void {
    this.worker.postMessage(request)
  }

  private receive(reply: WorkerReply): void {
    if (reply.kind === 'loaded' || reply.id === undefined) return
    const request = this.pending.get(reply.id)
    if (reply.kind === 'progress') request?.onProgress(reply.progress)
    else if (reply.kind === 'result') request?.resolve(reply.segmentations)
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
function compact({ data, width, height }: RgbImage): RgbImage {
  const whole = !ArrayBuffer.isView(data) || data.byteLength === data.buffer.byteLength
  return { data: whole ? data : data.slice(), width, height }
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

function firstReply(worker: Worker, signal?: AbortSignal): Promise<Loaded> {
  const listening = new AbortController()
  const options = { signal: listening.signal }
  return new Promise<Loaded>((resolve, reject) => {
    once(worker, 'message', options).then(
      ([reply]: WorkerReply[]) => {
        if (reply.kind === 'loaded') resolve(reply.loaded)
        else if (reply.kind === 'error') reject(fromMessage(reply.error))
      },
      (error) => reject(workerFailed(error)),
    )
    once(worker, 'exit', options).then(
      ([code]) => reject(workerFailed(new Error(`exit code ${code}`))),
      () => {},
    )
    signal?.addEventListener('abort', () => reject(signal.reason), options)
  }).finally(() => listening.abort())
}

function workerFailed(cause: Error): InverseFormError {
  return new InverseFormError('inference-failed', `The inference thread ended: ${cause.message}.`, {
    hint: 'Create another segmenter. If it ends again, the machine may be short of memory.',
    cause,
  })
}
