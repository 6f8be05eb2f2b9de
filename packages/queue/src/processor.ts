import type { RunDescription } from './runs.js'

/** What processes the images of a run. */
export interface Processor extends AsyncDisposable {
  /** Images that are processed at the same time. */
  readonly concurrency: number
  /** What runs them, such as `cpu`, for lists of workers. */
  readonly device: string
  /**
   * Processes an image. What is wrong with an image itself is a result too. An error says that this worker cannot go on: it ends, and
   * others get the image.
   * @param signal aborted when the image was handed back
   * @returns JSON
   */
  process(image: string, signal: AbortSignal): Promise<unknown>
}

/** A run, as a worker sees it. */
export interface Run {
  readonly id: string
  readonly description: RunDescription
}

/** What happens to images, for logs and counters. */
export type WorkEvent =
  | { readonly type: 'started' | 'handed-back'; readonly run: string; readonly image: string }
  /** The result is in Redis. */
  | { readonly type: 'done'; readonly run: string; readonly image: string; readonly payload: unknown }
  /** The image went to another worker, since this one gave no sign for too long; its result was not taken. */
  | { readonly type: 'lost'; readonly run: string; readonly image: string }
  | { readonly type: 'failed'; readonly run: string; readonly image: string; readonly error: Error }

export interface RunEvents {
  readonly onEvent?: (event: WorkEvent) => void
}
