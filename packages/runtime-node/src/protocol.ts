import type { SegmentationModelName } from '@inverseform/backbones'
import { InverseFormError, type InverseFormErrorCode, isInverseFormError } from '@inverseform/errors'
import type { RgbImage, Segmentation, Segmenter, SegmentOptions, SegmentProgress } from '@inverseform/runtime'
import type { Device } from './options.js'

/** What the worker is started with. */
export interface WorkerSettings {
  readonly checkpoint: string | Uint8Array
  readonly model?: SegmentationModelName
  readonly edge: boolean
  readonly classes?: number
  readonly device: Device
  readonly threads: number
  readonly memoryBudget?: number
}

/** The worker's `workerData`. */
export interface WorkerStart {
  readonly settings: WorkerSettings
  /** Set to 1 to give up loading. */
  readonly aborted: SharedArrayBuffer
}

/** What there is to know of a segmenter once it is ready. */
export type Loaded = Omit<
  Segmenter<never>,
  'segment' | 'segmentBatch' | 'dispose' | typeof Symbol.asyncDispose
>

export interface SegmentRequest {
  readonly id: number
  readonly images: readonly RgbImage[]
  readonly options: Omit<SegmentOptions, 'signal' | 'onProgress'>
  /** Set to 1 to abort: the worker's event loop is blocked while a network runs, so a message would not do. */
  readonly aborted: SharedArrayBuffer
}

export type WorkerRequest =
  | { readonly kind: 'segment'; readonly request: SegmentRequest }
  | { readonly kind: 'dispose' }

export type WorkerReply =
  | { readonly kind: 'loaded'; readonly loaded: Loaded }
  | { readonly kind: 'progress'; readonly id: number; readonly progress: SegmentProgress }
  | { readonly kind: 'result'; readonly id: number; readonly segmentations: Segmentation[] }
  | { readonly kind: 'error'; readonly id?: number; readonly error: ErrorMessage }

/** An error in a form that survives being sent between threads. */
export interface ErrorMessage {
  readonly code?: InverseFormErrorCode
  readonly message: string
  readonly hint?: string
  readonly details?: Readonly<Record<string, unknown>>
}

export function toMessage(error: unknown): ErrorMessage {
  if (isInverseFormError(error)) {
    const { code, message, hint, details } = error
    return { code, message, hint, details }
  }
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}

export function fromMessage({ code, message, hint, details }: ErrorMessage): Error {
  return code ? new InverseFormError(code, message, { hint, details }) : new Error(message)
}
