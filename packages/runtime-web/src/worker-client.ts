import { fromMessage, InverseFormError } from '@inverseform/errors'
import { disposedError, PendingRequests, type RequestOptions } from '@inverseform/runtime'
import { closeBitmap, type ImageInput, isBitmap, type SentImage, sendImage } from './images.js'
import type { SegmenterOptions, SegmenterSettings } from './options.js'
import type { Call, Loaded, WorkerCalls, WorkerReply, WorkerRequest } from './protocol.js'

/** The page's side of a worker: requests go out, promises come back. */
export class WorkerClient {
  private readonly requests = new PendingRequests<WorkerCalls[Call]['result']>()
  private disposing: Promise<void> | undefined

  private constructor(private readonly worker: Worker) {
    worker.onmessage = ({ data: reply }: MessageEvent<WorkerReply>) => {
      if ('id' in reply) this.requests.receive(reply)
    }
    worker.onerror = (event) => {
      worker.terminate()
      this.requests.end(workerFailed(event))
    }
  }

  /** Starts a worker and waits until its network is ready. */
  static async start(
    settings: SegmenterSettings,
    { worker: create = createWorker, signal, onProgress }: SegmenterOptions,
  ): Promise<{ client: WorkerClient; loaded: Loaded }> {
    signal?.throwIfAborted()
    const worker = workerOf(create)
    try {
      const loaded = await load(worker, settings, { signal, onProgress })
      return { client: new WorkerClient(worker), loaded }
    } catch (error) {
      worker.terminate()
      throw error
    }
  }

  /** @throws `disposed`, or why the worker ended; what the call throws in the worker */
  call<C extends Call>(call: C, request: WorkerCalls[C]['request']): Promise<WorkerCalls[C]['result']> {
    return this.requests.request((id) => this.send(id, call, request))
  }

  /** As `call`, with images that are made ready to be sent first; also throws what that throws. */
  callWithImages<C extends Call>(
    call: C,
    inputs: readonly ImageInput[],
    requestOf: (images: SentImage[]) => WorkerCalls[C]['request'],
    { signal, onProgress }: RequestOptions,
  ): Promise<WorkerCalls[C]['result']> {
    let sent: number | undefined
    return this.requests.request(
      async (id) => {
        const making = inputs.map(sendImage)
        try {
          const images = await Promise.all(making)
          signal?.throwIfAborted()
          this.send(id, call, requestOf(images), images.filter(isBitmap))
          sent = id
        } catch (error) {
          for (const image of making) image.then(closeBitmap, () => {})
          throw error
        }
      },
      { signal, onProgress, onAbort: () => sent !== undefined && this.post({ kind: 'abort', id: sent }) },
    )
  }

  /** Lets the work under way finish, then ends the worker, which frees all that it held. */
  dispose(): Promise<void> {
    this.disposing ??= this.stop()
    return this.disposing
  }

  private async stop(): Promise<void> {
    this.requests.close(disposedError('segmenter'))
    await this.requests.idle()
    this.worker.terminate()
  }

  private send<C extends Call>(
    id: number,
    call: C,
    request: WorkerCalls[C]['request'],
    transfer: Transferable[] = [],
  ): void {
    this.post({ kind: 'call', id, call, request } as WorkerRequest, transfer)
  }

  private post(request: WorkerRequest, transfer: Transferable[] = []): void {
    this.worker.postMessage(request, transfer)
  }
}

function createWorker(): Worker {
  // In this form bundlers find it.
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'inverseform' })
}

function workerOf(create: () => Worker): Worker {
  try {
    return create()
  } catch (cause) {
    throw workerNotStarted(cause as Error)
  }
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
      else if (reply.kind === 'not loaded') reject(fromMessage(reply.error))
    }
    worker.onerror = (event) => reject(workerNotStarted(event))
    signal?.addEventListener('abort', () => reject(signal.reason), { signal: listening.signal })
    const { source } = settings
    const transfer = source instanceof Uint8Array ? [source.buffer] : []
    worker.postMessage({ kind: 'start', settings } satisfies WorkerRequest, transfer)
  }).finally(() => listening.abort())
}

/** A script that could not be loaded is an event without a message. */
function workerNotStarted({ message }: Partial<Pick<Error, 'message'>>): InverseFormError {
  const reason = message?.replace(/\.$/, '') ?? 'its script could not be loaded'
  return new InverseFormError(
    'runtime-unavailable',
    `The inference worker could not be started: ${reason}.`,
    {
      hint:
        'Give the option `worker`, which makes it of the module @inverseform/runtime-web/worker; browsers start workers ' +
        "from the page's own origin alone.",
    },
  )
}

function workerFailed({ message }: ErrorEvent): InverseFormError {
  return new InverseFormError('inference-failed', `The inference worker ended: ${message}.`, {
    hint: 'Create another segmenter. If it ends again, the device may be short of memory.',
  })
}
