import type { ErrorMessage } from '@inverseform/errors'
import type {
  Labels,
  Precision,
  RequestReply,
  Rung,
  Segmentation,
  Segmenter,
  SegmentOptions,
} from '@inverseform/runtime'
import type { Device } from './devices.js'
import type { SentImage } from './images.js'
import type { Weights } from './load-weights.js'
import type { LoadProgress, SegmenterSettings } from './options.js'
import type { Picture, PictureOptions } from './picture.js'
import type { PaintSettings } from './picture-style.js'

/** What there is to know of a segmenter once it is ready. */
export interface Loaded
  extends Omit<Segmenter<never>, 'segment' | 'segmentBatch' | 'dispose' | typeof Symbol.asyncDispose> {
  readonly device: Device
  /** What the network computes in. */
  readonly precision: Precision
  /** The devices tried, in order, and why each was left; the last one is the one that is used. */
  readonly ladder: readonly Rung<Device>[]
  /** Where the checkpoint came from. */
  readonly weights: Weights
}

export interface SegmentRequest {
  readonly images: readonly SentImage[]
  readonly options: Omit<SegmentOptions, 'signal' | 'onProgress'>
}

export interface PictureRequest {
  readonly image: SentImage
  readonly options: Omit<PictureOptions, 'signal' | 'onProgress'>
}

/** What there is to know of a picture in the worker. */
export interface PictureFacts extends Pick<Picture, 'width' | 'height' | 'classes' | 'tiles' | 'timings'> {
  readonly id: number
  /** Whether there are edges to draw. */
  readonly edges: boolean
}

/** What the page can ask a worker once it has started, and what it answers. */
export interface WorkerCalls {
  segment: { request: SegmentRequest; result: Segmentation[] }
  createPicture: { request: PictureRequest; result: PictureFacts }
  paint: { request: { readonly picture: number; readonly style: PaintSettings }; result: ImageBitmap }
  labels: { request: { readonly picture: number }; result: Labels }
  disposePicture: { request: { readonly picture: number }; result: undefined }
}
export type Call = keyof WorkerCalls

type CallRequest<C extends Call> = {
  readonly kind: 'call'
  readonly id: number
  readonly call: C
  readonly request: WorkerCalls[C]['request']
}

/** From the page to the worker. A worker starts once; to end it, the page terminates it. */
export type WorkerRequest =
  | { readonly kind: 'start'; readonly settings: SegmenterSettings }
  | { [C in Call]: CallRequest<C> }[Call]
  | { readonly kind: 'abort'; readonly id: number }

export type WorkerReply =
  | { readonly kind: 'loading'; readonly progress: LoadProgress }
  | { readonly kind: 'loaded'; readonly loaded: Loaded }
  | { readonly kind: 'not loaded'; readonly error: ErrorMessage }
  | RequestReply<WorkerCalls[Call]['result']>
