import type { ErrorMessage } from '@inverseform/errors'
import type {
  Attempt,
  Labels,
  LoadProgress,
  PaintSettings,
  Precision,
  RequestReply,
  Segmentation,
  Segmenter,
  SegmentOptions,
} from '@inverseform/runtime'
import type { CheckpointOrigin } from '../checkpoint/load.js'
import type { Device } from '../devices/devices.js'
import type { SentImage } from '../images/send-image.js'
import type { SegmenterSettings } from '../options.js'
import type { PictureInfo, PictureOptions } from '../picture/options.js'

/** Describes a segmenter that is ready. */
export interface Loaded
  extends Omit<Segmenter<never>, 'segment' | 'segmentImages' | 'dispose' | typeof Symbol.asyncDispose> {
  readonly device: Device
  readonly precision: Precision
  readonly attempts: readonly Attempt<Device>[]
  readonly origin: CheckpointOrigin
}

export interface SegmentRequest {
  readonly images: readonly SentImage[]
  readonly options: Omit<SegmentOptions, 'signal' | 'onProgress'>
}

export interface PictureRequest {
  readonly image: SentImage
  readonly options: Omit<PictureOptions, 'signal' | 'onProgress'>
}

/** A picture that was created in the worker. Its id is the id of the call that created it. */
export interface CreatedPicture extends PictureInfo {
  readonly id: number
}

/** The calls that a worker answers once it has started. */
export interface WorkerCalls {
  segment: { request: SegmentRequest; result: Segmentation[] }
  createPicture: { request: PictureRequest; result: CreatedPicture }
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

/** Messages from the page to the worker. A worker is started once; the page terminates it. */
export type WorkerRequest =
  | { readonly kind: 'start'; readonly settings: SegmenterSettings }
  | { [C in Call]: CallRequest<C> }[Call]
  | { readonly kind: 'abort'; readonly id: number }

/** Messages from the worker to the page. */
export type WorkerReply =
  | { readonly kind: 'loading'; readonly progress: LoadProgress<Device> }
  | { readonly kind: 'loaded'; readonly loaded: Loaded }
  | { readonly kind: 'not loaded'; readonly error: ErrorMessage }
  | RequestReply<WorkerCalls[Call]['result']>
