import type { LoadReport, SegmentationModelName } from '@inverseform/backbones'
import type { Segmentation, SegmentOptions } from './segmentation.js'

/**
 * Segments images with one network. The same in Node and in the browser; what counts as an image (`Input`) differs.
 * Holds native memory: `dispose()` it, or declare it with `await using`.
 */
export interface Segmenter<Input> extends AsyncDisposable {
  readonly model: SegmentationModelName
  readonly classes: number
  /** Whether the edge head is loaded, which `edges` needs. */
  readonly edge: boolean
  /** Where the network runs, e.g. `cpu`. */
  readonly device: string
  /** What loading made of the checkpoint's tensors. */
  readonly report: LoadReport
  /** How long loading took, in milliseconds. */
  readonly loadTimings: LoadTimings
  /** @throws what `segmentBatch` throws. */
  segment(image: Input, options?: SegmentOptions): Promise<Segmentation>
  /**
   * Results in the order of the images; images of one size run together.
   * @throws InverseFormError `not-found` or `unreadable` for an image, `invalid-argument` or `size-mismatch` for
   * options or pixels that do not fit, `out-of-memory`, `inference-failed`, `disposed`; the signal's reason when
   * it is aborted.
   */
  segmentBatch(images: readonly Input[], options?: SegmentOptions): Promise<Segmentation[]>
  /** Lets the work under way finish, then frees the network. Calling it again does nothing. */
  dispose(): Promise<void>
}

export interface LoadTimings {
  /** Finding the checkpoint's tensors and building the network from them. */
  readonly open: number
  /** Reading the weights and making the network ready to run. */
  readonly session: number
}
