import { fromMessage, InverseFormError } from '@inverseform/errors'
import type { Segmentation, SegmentOptions } from '@inverseform/runtime'
import { type ImageInput, isBitmap, sendImage } from './images.js'
import type { SegmenterOptions, SegmenterSettings } from './options.js'
import type { Loaded, SegmentRequest, WorkerReply, WorkerRequest } from './protocol.js'

type RunCallbacks = Pick<SegmentOptions, 'signal' | 'onProgress'>

interface Pending extends Pick<SegmentOptions, 'onProgress'> {
  readonly resolve: (result: Segmentation[]) => void
  readonly reject: (reason: unknown) => void
}

/** The page's side of a worker: requests go out, promises come back. */
export class WorkerClient {
  private readonly pending = new Map<number, Pending>()
  /** Requests that are not settled, also those whose images are not sent yet. */
  private readonly running = new Set<Promise<unknown>>()
  private requests = 0
  /** Why no more requests are taken. */
  private ended: InverseFormError | undefined
  private disposing: Promise<void> | undefined

  private constructor(private readonly worker: Worker) {
    worker.onmessage = ({ data }: MessageEvent<WorkerReply>) => this.receive(data)
    worker.onerror = (event) => {
      this.ended ??= workerFailed(event)
      worker.terminate()
      for (const { reject } of this.pending.values()) reject(this.ended)
    }
  }

  /** Starts a worker and waits until its network is ready. */
  static async start(
    settings: SegmenterSettings,
    { worker: create = createWorker, signal, onProgress }: SegmenterOptions,
  ): Promise<{ client: WorkerClient; loaded: Loaded }> {
    signal?.throwIfAborted()
    const worker = create()
    try {
      const loaded = await load(worker, settings, { signal, onProgress })
      return { client: new WorkerClient(worker), loaded }
    } catch (error) {
      worker.terminate()
      throw error
    }
  }

  /** @throws `disposed`, or why the worker ended; what loading and segmenting throw */
  async run(
    images: readonly ImageInput[],
    options: SegmentRequest['options'],
    callbacks: RunCallbacks = {},
  ): Promise<Segmentation[]> {
    if (this.ended) throw this.ended
    callbacks.signal?.throwIfAborted()
    const answer = this.answerTo(images, options, callbacks)
    this.running.add(answer)
    try {
      return await answer
    } finally {
      this.running.delete(answer)
    }
  }

  /** Lets the work under way finish, then ends the worker, which frees all that it held. */
  dispose(): Promise<void> {
    this.disposing ??= this.stop()
    return this.disposing
  }

  private async answerTo(
    inputs: readonly ImageInput[],
    options: SegmentRequest['options'],
    { signal, onProgress }: RunCallbacks,
  ): Promise<Segmentation[]> {
    const images = await Promise.all(inputs.map(sendImage))
    signal?.throwIfAborted()
    const id = this.requests++
    const listening = new AbortController()
    try {
      return await new Promise<Segmentation[]>((resolve, reject) => {
        const abort = () => {
          this.post({ kind: 'abort', id })
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', abort, { signal: listening.signal })
        this.pending.set(id, { onProgress, resolve, reject })
        this.post({ kind: 'run', id, request: { images, options } }, images.filter(isBitmap))
      })
    } finally {
      listening.abort()
      this.pending.delete(id)
    }
  }

  private async stop(): Promise<void> {
    this.ended ??= new InverseFormError('disposed', 'This segmenter has been disposed of.', {
      hint: 'Create another one, or dispose of it later.',
    })
    await Promise.allSettled(this.running)
    this.worker.terminate()
  }

  private post(request: WorkerRequest, transfer: Transferable[] = []): void {
    this.worker.postMessage(request, transfer)
  }

  private receive(reply: WorkerReply): void {
    if (reply.kind === 'loading' || reply.kind === 'loaded' || reply.id === undefined) return
    const request = this.pending.get(reply.id)
    if (reply.kind === 'progress') request?.onProgress?.(reply.progress)
    else if (reply.kind === 'result') request?.resolve(reply.result)
    else request?.reject(fromMessage(reply.error))
  }
}

function createWorker(): Worker {
  // In this form bundlers find it.
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'inverseform' })
}

function load(
  worker: Worker,
  settings: SegmenterSettings,
  { signal, onProgress }: Pick<SegmenterOptions, 'signal' | 'onProgress'>,
): Promise<Loaded> {
  const listening = new AbortController()
  return new Promise<Loaded>((resolve, reject) => {
    worker.onmessage = ({ data: reply }: MessageEvent<WorkerReply>) => {
      if (reply.kind === 'loading') onProgress?.(reply.progress)
      else if (reply.kind === 'loaded') resolve(reply.loaded)
      else if (reply.kind === 'error') reject(fromMessage(reply.error))
    }
    worker.onerror = (event) => reject(workerNotStarted(event))
    signal?.addEventListener('abort', () => reject(signal.reason), { signal: listening.signal })
    worker.postMessage({ kind: 'start', settings } satisfies WorkerRequest)
  }).finally(() => listening.abort())
}

/** A script that could not be loaded is an event without a message. */
function workerNotStarted({ message }: ErrorEvent): InverseFormError {
  return new InverseFormError(
    'runtime-unavailable',
    `The inference worker could not be started: ${message ?? 'its script could not be loaded'}.`,
    { hint: 'Give the option `worker`, which makes it of the module @inverseform/runtime-web/worker.' },
  )
}

function workerFailed({ message }: ErrorEvent): InverseFormError {
  return new InverseFormError('inference-failed', `The inference worker ended: ${message}.`, {
    hint: 'Create another segmenter. If it ends again, the device may be short of memory.',
  })
}
