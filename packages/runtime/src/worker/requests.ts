import { type ErrorMessage, fromMessage, InverseFormError } from '@inverseform/errors'
import { listenToAbort } from '@inverseform/shared'

/** Progress of a request. */
export interface RequestProgress {
  readonly done: number
  readonly total: number
}

/** A worker's reply to a request: progress any number of times, then the result or the error. */
export type RequestReply<R> =
  | { readonly kind: 'progress'; readonly id: number; readonly progress: RequestProgress }
  | { readonly kind: 'result'; readonly id: number; readonly result: R }
  | { readonly kind: 'error'; readonly id: number; readonly error: ErrorMessage }

export interface RequestOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: RequestProgress) => void
}

export interface SendOptions extends RequestOptions {
  /** Called when the signal is aborted, to tell the worker. */
  readonly onAbort?: () => void
}

interface Pending<R> {
  readonly onProgress: (progress: RequestProgress) => void
  readonly resolve: (result: R) => void
  readonly reject: (reason: unknown) => void
}

/** Requests to a worker: promises by number, which the worker's replies settle. */
export class PendingRequests<R> {
  readonly #pending = new Map<number, Pending<R>>()
  readonly #waiting: (() => void)[] = []
  #count = 0
  #reason: Error | undefined

  /** Number of requests in the worker. An aborted request counts until the worker confirms that it stopped. */
  get size(): number {
    return this.#pending.size
  }

  /** @throws the reason of `close`, once it was called */
  checkOpen(): void {
    if (this.#reason) throw this.#reason
  }

  /**
   * Sends a request and waits for its result.
   *
   * @param send sends the request under this number; while it does, the request counts as under way
   * @throws the error of `send` or of the worker, the reason of the signal as soon as it is aborted, the reason of `close`
   */
  async request(
    send: (id: number) => void | Promise<void>,
    { signal, onProgress, onAbort }: SendOptions = {},
  ): Promise<R> {
    this.checkOpen()
    signal?.throwIfAborted()
    const id = this.#count++
    let stopListening = () => {}
    try {
      return await new Promise<R>((resolve, reject) => {
        const abort = () => {
          onAbort?.()
          reject(signal?.reason)
        }
        stopListening = listenToAbort(signal, abort)
        this.#pending.set(id, {
          onProgress: (progress) => signal?.aborted || onProgress?.(progress),
          resolve,
          reject,
        })
        const sending = async () => send(id)
        sending().catch((error) => this.#take(id)?.reject(error))
      })
    } finally {
      stopListening()
    }
  }

  /** Handles a worker's reply. Replies to settled requests have no effect. */
  receive(reply: RequestReply<R>): void {
    if (reply.kind === 'progress') this.#pending.get(reply.id)?.onProgress(reply.progress)
    else if (reply.kind === 'result') this.#take(reply.id)?.resolve(reply.result)
    else this.#take(reply.id)?.reject(fromMessage(reply.error))
  }

  /** Rejects new requests with a reason; requests under way continue. Only the first reason counts. */
  close(reason: Error): void {
    this.#reason ??= reason
  }

  /** Rejects new requests and those under way with a reason, because the worker has ended. */
  end(reason: Error): void {
    this.close(reason)
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(reason)
  }

  /** Waits until no request is under way. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.size === 0) resolve()
      else this.#waiting.push(resolve)
    })
  }

  #take(id: number): Pending<R> | undefined {
    const request = this.#pending.get(id)
    this.#pending.delete(id)
    if (this.size === 0) for (const resolve of this.#waiting.splice(0)) resolve()
    return request
  }
}

/** Copies a view of a larger buffer, because sending a view to a worker sends its whole buffer. */
export function compact<T>(data: T): T {
  if (!ArrayBuffer.isView(data) || data.byteLength === data.buffer.byteLength) return data
  // Every typed array has this method; the `slice` of a Buffer returns a view.
  return Uint8Array.prototype.slice.call(data) as T & Uint8Array
}

/** @param what the user's word for it, such as `segmenter` */
export function disposedError(what: string): InverseFormError {
  return new InverseFormError('disposed', `This ${what} has been disposed of.`, {
    hint: 'Create another one, or dispose of it later.',
  })
}
