import { type ErrorMessage, fromMessage } from '@inverseform/errors'

/** How far a request is. */
export interface RequestProgress {
  readonly done: number
  readonly total: number
}

/** What a worker says of a request: any number of times how far it is, then what came of it. */
export type RequestReply<R> =
  | { readonly kind: 'progress'; readonly id: number; readonly progress: RequestProgress }
  | { readonly kind: 'result'; readonly id: number; readonly result: R }
  | { readonly kind: 'error'; readonly id: number; readonly error: ErrorMessage }

export interface RequestOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: RequestProgress) => void
}

export interface SendOptions extends RequestOptions {
  /** Tells the worker that the signal was aborted. */
  readonly onAbort?: () => void
}

interface Pending<R> {
  readonly onProgress: (progress: RequestProgress) => void
  readonly resolve: (result: R) => void
  readonly reject: (reason: unknown) => void
}

/** Requests to a worker and what has become of them: promises by number, which the worker's replies settle. */
export class PendingRequests<R> {
  private readonly pending = new Map<number, Pending<R>>()
  private readonly waiting: (() => void)[] = []
  private count = 0
  private reason: Error | undefined

  /** Requests that the worker works on. One that was aborted is among them until the worker has said that it gave up. */
  get size(): number {
    return this.pending.size
  }

  /** @throws why no more requests are taken, once that is so */
  requireOpen(): void {
    if (this.reason) throw this.reason
  }

  /**
   * Sends a request and waits for what comes of it.
   * @param send sends it under this number; may take its time, during which the request counts as under way
   * @throws what `send` throws, the worker's error, the signal's reason as soon as it is aborted, why no requests are taken
   */
  async request(
    send: (id: number) => void | Promise<void>,
    { signal, onProgress, onAbort }: SendOptions = {},
  ): Promise<R> {
    this.requireOpen()
    signal?.throwIfAborted()
    const id = this.count++
    const listening = new AbortController()
    try {
      return await new Promise<R>((resolve, reject) => {
        const abort = () => {
          onAbort?.()
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', abort, { signal: listening.signal })
        this.pending.set(id, {
          onProgress: (progress) => signal?.aborted || onProgress?.(progress),
          resolve,
          reject,
        })
        const sending = async () => send(id)
        sending().catch((error) => this.take(id)?.reject(error))
      })
    } finally {
      listening.abort()
    }
  }

  /** Takes a worker's reply. Those to requests that are not waited for have no effect. */
  receive(reply: RequestReply<R>): void {
    if (reply.kind === 'progress') this.pending.get(reply.id)?.onProgress(reply.progress)
    else if (reply.kind === 'result') this.take(reply.id)?.resolve(reply.result)
    else this.take(reply.id)?.reject(fromMessage(reply.error))
  }

  /** Takes no more requests; those under way go on. Only the first reason counts. */
  close(reason: Error): void {
    this.reason ??= reason
  }

  /** Takes no more requests and rejects those under way with this reason: the worker has ended. */
  end(reason: Error): void {
    this.close(reason)
    for (const id of [...this.pending.keys()]) this.take(id)?.reject(reason)
  }

  /** Waits until no request is under way. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.size === 0) resolve()
      else this.waiting.push(resolve)
    })
  }

  private take(id: number): Pending<R> | undefined {
    const request = this.pending.get(id)
    this.pending.delete(id)
    if (this.size === 0) for (const resolve of this.waiting.splice(0)) resolve()
    return request
  }
}
