import type { Labels } from '../maps/labels.js'
import type { TileOption } from '../tiles/plan-tiles.js'

/** The maps that segmenting an image can compute, each at the size of the image. */
export interface SegmentationMaps {
  /** Class index (train id) of each pixel, row by row. */
  readonly labels: Labels
  /** Softmax probability of each pixel's label, in (0,1]. */
  readonly confidence: Float32Array
  /** Class logits [numClasses, height, width]. */
  readonly logits: Float32Array
  /** Probability in [0,1] that a pixel lies on a boundary. */
  readonly edges: Float32Array
  /**
   * The raw output of the edge head, which the published losses take: a logit, or a probability if
   * `zoo[model].edgeOutput` says so.
   */
  readonly edgeOutput: Float32Array
}

export type SegmentOutput = keyof SegmentationMaps

/** What is known about every image that was segmented. */
export interface SegmentationInfo {
  readonly width: number
  readonly height: number
  readonly numClasses: number
  /** Number of tiles at the scale with the most tiles; 1 if the image was not cut. */
  readonly tiles: number
  /** Milliseconds for all images that ran together. */
  readonly timings: SegmentTimings
}

export interface SegmentTimings {
  /** Resizing and normalizing. */
  readonly preprocess: number
  /** The network at all scales. */
  readonly network: number
  /** From small logits to the outputs. */
  readonly postprocess: number
}

/**
 * The result for one image. It has the maps that `outputs` lists. If the list is not known at compile time, every map that
 * it may have is optional.
 */
export type Segmentation<Outputs extends SegmentOutputs = SegmentOutputs> = SegmentationInfo & MapsOf<Outputs>

export type SegmentOutputs = readonly SegmentOutput[]

/** What is computed without the option `outputs`. */
export type DefaultOutputs = readonly ['labels']

type MapsOf<Outputs extends SegmentOutputs> = Outputs extends SegmentOutputs
  ? Pick<SegmentationMaps, Certain<Outputs>> &
      Partial<Pick<SegmentationMaps, Exclude<Outputs[number], Certain<Outputs>>>>
  : never

/** The outputs that a list certainly has: elements of a tuple that can be one word only. */
type Certain<Outputs extends SegmentOutputs> = number extends Outputs['length']
  ? never
  : { [K in keyof Outputs]: IsUnion<Outputs[K]> extends true ? never : Outputs[K] }[number]

type IsUnion<T, U = T> = T extends U ? ([U] extends [T] ? false : true) : never

/** Options of one run; anything with `throwIfAborted` serves as the signal. */
export interface RunOptions<Outputs extends SegmentOutputs = SegmentOutputs> {
  /** What to compute; `['labels']` by default. `edges` and `edgeOutput` need a model with its edge head. */
  readonly outputs?: Outputs
  /** Scales to run, including 1. The default is [0.25, 0.5, 1, 2] for multi-scale models, else [1]. */
  readonly scales?: readonly number[]
  /** Whether to average with the mirrored image; `false` by default. */
  readonly flip?: boolean
  /** How to cut images that are too large for the memory; `auto` by default. */
  readonly tile?: TileOption
  readonly signal?: Pick<AbortSignal, 'throwIfAborted'>
  /** Called after every network run. */
  readonly onProgress?: (progress: SegmentProgress) => void
}

export interface SegmentOptions<Outputs extends SegmentOutputs = SegmentOutputs> extends RunOptions<Outputs> {
  /** Rejects with the signal's reason as soon as it is aborted. A network run under way still finishes. */
  readonly signal?: AbortSignal
  /** The most pixels that an image may have; the segmenter's `maxPixels` by default. */
  readonly maxPixels?: number
}

export interface SegmentProgress {
  /** Finished network runs: one for every batch, scale, side (plain, mirrored) and tile. */
  readonly done: number
  /** All network runs. */
  readonly total: number
}
