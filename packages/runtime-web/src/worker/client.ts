import { fromMessage, InverseFormError } from '@inverseform/errors'
import { disposedError, imageArgument, PendingRequests, type RequestOptions } from '@inverseform/runtime'
import { listenToAbort } from '@inverseform/shared'
import { closeBitmap, type ImageInput, isBitmap, type SentImage, sendImage } from '../images/send-image.js'
import type { SegmenterOptions, SegmenterSettings } from '../options.js'
import type { Call, Loaded, WorkerCalls, WorkerReply, WorkerRequest } from './protocol.js'

type LoadOptions = Pick<SegmenterOptions, 'signal' | 'onProgress'>

/** Creates a worker and waits until its network is ready. */
export async function startWorker(
  create: () => Worker,
  settings: SegmenterSettings,
  options: LoadOptions,
): Promise<{ client: WorkerClient; loaded: Loaded }> {
  options.signal?.throwIfAborted()
  const worker = createdBy(create)
  try {
    const loaded = await load(worker, settings, options)
    return { client: new WorkerClient(worker), loaded }
  } catch (error) {
    worker.terminate()
    throw error
  }
}

/** The page's side of a worker that has started: sends requests and returns promises of their results. */
export class WorkerClient {
  readonly #requests = new PendingRequests<WorkerCalls[Call]['result']>()
  readonly #worker: Worker
  #disposing: Promise<void> | undefined

  constructor(worker: Worker) {
    this.#worker = worker
    worker.onmessage = ({ data: reply }: MessageEvent<WorkerReply>) => {
      if ('id' in reply) this.#requests.receive(reply)
    }
    worker.onerror = (event) => {
      worker.terminate()
      this.#requests.end(workerFailed(event))
    }
  }

  /** @throws `disposed`, or why the worker ended; errors of the call in the worker pass through */
  call<C extends Call>(call: C, request: WorkerCalls[C]['request']): Promise<WorkerCalls[C]['result']> {
    return this.#requests.request((id) => this.#send(id, call, request))
  }

  /**
   * Makes a call with images, which are first converted into a form that can be sent.
   * @throws as `call` and `sendImage`
   */
  callWithImages<C extends Call>(
    call: C,
    inputs: readonly ImageInput[],
    requestOf: (images: SentImage[]) => WorkerCalls[C]['request'],
    { signal, onProgress }: RequestOptions,
  ): Promise<WorkerCalls[C]['result']> {
    let sent: number | undefined
    return this.#requests.request(
      async (id) => {
        const sending = inputs.map((input, i) => sendImage(input, imageArgument(i, inputs.length)))
        try {
          const images = await Promise.all(sending)
          signal?.throwIfAborted()
          this.#send(id, call, requestOf(images), images.filter(isBitmap))
          sent = id
        } catch (error) {
          for (const image of sending) image.then(closeBitmap, () => {})
          throw error
        }
      },
      { signal, onProgress, onAbort: () => sent !== undefined && this.#post({ kind: 'abort', id: sent }) },
    )
  }

  /** Lets the work under way finish, then terminates the worker, which frees all of its memory. */
  dispose(): Promise<void> {
    this.#disposing ??= this.#stop()
    return this.#disposing
  }

  async #stop(): Promise<void> {
    this.#requests.close(disposedError('segmenter'))
    await this.#requests.idle()
    this.#worker.terminate()
  }

  #send<C extends Call>(
    id: number,
    call: C,
    request: WorkerCalls[C]['request'],
    transfer: Transferable[] = [],
  ): void {
    this.#post({ kind: 'call', id, call, request } as WorkerRequest, transfer)
  }

  #post(request: WorkerRequest, transfer: Transferable[] = []): void {
    this.#worker.postMessage(request, transfer)
  }
}

function createdBy(create: () => Worker): Worker {
  try {
    return create()
  } catch (cause) {
    throw workerNotStarted(cause as Error)
  }
}

function load(
  worker: Worker,
  settings: SegmenterSettings,
  { signal, onProgress }: LoadOptions,
): Promise<Loaded> {
  let stopListening = () => {}
  return new Promise<Loaded>((resolve, reject) => {
    worker.onmessage = ({ data: reply }: MessageEvent<WorkerReply>) => {
      if (reply.kind === 'loading') onProgress?.(reply.progress)
      else if (reply.kind === 'loaded') resolve(reply.loaded)
      else if (reply.kind === 'not loaded') reject(fromMessage(reply.error))
    }
    worker.onerror = (event) => reject(workerNotStarted(event))
    stopListening = listenToAbort(signal, () => reject(signal?.reason))
    const { checkpoint } = settings
    const transfer = checkpoint instanceof Uint8Array ? [checkpoint.buffer] : []
    worker.postMessage({ kind: 'start', settings } satisfies WorkerRequest, transfer)
  }).finally(() => stopListening())
}

/** @param event without a message if the script could not be loaded */
function workerNotStarted({ message }: Partial<Pick<Error, 'message'>>): InverseFormError {
  const reason = message?.replace(/\.$/, '') ?? 'its script could not be loaded'
  return new InverseFormError(
    'runtime-unavailable',
    `The inference worker could not be started: ${reason}.`,
    {
      hint:
        'Use the option `worker` to create it from the module @inverseform/runtime-web/worker. Browsers start workers ' +
        "only from the page's own origin.",
    },
  )
}

function workerFailed({ message }: ErrorEvent): InverseFormError {
  return new InverseFormError('inference-failed', `The inference worker ended: ${message}.`, {
    hint: 'Create another segmenter. If it ends again, the device may be short of memory.',
  })
}
