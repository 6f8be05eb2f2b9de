import type { ErrorMessage } from '@inverseform/errors'
import type { Segmentation, Segmenter, SegmentOptions, SegmentProgress } from '@inverseform/runtime'
import type { Device, Rung } from './devices.js'
import type { SentImage } from './images.js'
import type { LoadProgress, SegmenterSettings } from './options.js'

/** What there is to know of a segmenter once it is ready. */
export interface Loaded
  extends Omit<Segmenter<never>, 'segment' | 'segmentBatch' | 'dispose' | typeof Symbol.asyncDispose> {
  readonly device: Device
  /** The devices tried, in order, and why each was left; the last one is the one that is used. */
  readonly ladder: readonly Rung[]
}

export interface SegmentRequest {
  readonly images: readonly SentImage[]
  readonly options: Omit<SegmentOptions, 'signal' | 'onProgress'>
}

/** From the page to the worker. A worker starts once; to end it, the page terminates it. */
export type WorkerRequest =
  | { readonly kind: 'start'; readonly settings: SegmenterSettings }
  | { readonly kind: 'run'; readonly id: number; readonly request: SegmentRequest }
  | { readonly kind: 'abort'; readonly id: number }

export type WorkerReply =
  | { readonly kind: 'loading'; readonly progress: LoadProgress }
  | { readonly kind: 'loaded'; readonly loaded: Loaded }
  | { readonly kind: 'progress'; readonly id: number; readonly progress: SegmentProgress }
  | { readonly kind: 'result'; readonly id: number; readonly result: Segmentation[] }
  | { readonly kind: 'error'; readonly id?: number; readonly error: ErrorMessage }
