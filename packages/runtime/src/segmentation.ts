import type { Labels } from './labels.js'
import type { TileOption } from './tiles.js'

export type SegmentOutput = 'labels' | 'confidence' | 'logits' | 'edges' | 'edgeOutput'

export interface SegmentOptions {
  /** What to compute; only labels unless given. `edges` and `edgeOutput` need a model with its edge head. */
  readonly outputs?: readonly SegmentOutput[]
  /** Scales to run, 1.0 among them. Multi-scale models: 0.25, 0.5, 1 and 2 unless given; others: 1. */
  readonly scales?: readonly number[]
  /** Average with the mirrored image. */
  readonly flip?: boolean
  /** How to treat images that are too large for memory; `auto` unless given. */
  readonly tile?: TileOption
  /** Rejects with the signal's reason as soon as it is aborted. A network run under way is not cut short. */
  readonly signal?: AbortSignal
  /** Called after every network run. */
  readonly onProgress?: (progress: SegmentProgress) => void
}

/** As {@link SegmentOptions}; anything that can say that the caller has given up serves as the signal. */
export type SegmentImagesOptions = Omit<SegmentOptions, 'signal'> & {
  readonly signal?: Pick<AbortSignal, 'throwIfAborted'>
}

export interface SegmentProgress {
  /** Network runs done: one for every scale, plain and mirrored, and tile of every batch. */
  readonly done: number
  /** Network runs in all. */
  readonly total: number
}

/** What is known of one image, at its own size. */
export interface Segmentation {
  readonly width: number
  readonly height: number
  readonly classes: number
  /** Class index (train id) of each pixel, row by row. */
  readonly labels?: Labels
  /** Softmax probability of each pixel's class, in (0,1]. */
  readonly confidence?: Float32Array
  /** Class logits [classes, height, width]. */
  readonly logits?: Float32Array
  /** Probability in [0,1] that a pixel lies on a boundary. */
  readonly edges?: Float32Array
  /**
   * What the edge head itself gives, as the published losses take it: a logit, or a probability where
   * `zoo[model].edgeOutput` says so.
   */
  readonly edgeOutput?: Float32Array
  /** How many tiles the image was cut into, at the scale where most were needed; 1: none. */
  readonly tiles: number
  /** Where the time went, in milliseconds, for all images of the same network runs together. */
  readonly timings: SegmentTimings
}

export interface SegmentTimings {
  /** Resizing and normalising. */
  readonly preprocess: number
  /** The network, all scales. */
  readonly network: number
  /** From small logits to what was asked for. */
  readonly postprocess: number
}
