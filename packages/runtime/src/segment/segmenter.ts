import type { LoadReport, SegmentationModelName } from '@inverseform/backbones'
import type { DefaultOutputs, Segmentation, SegmentOptions, SegmentOutputs } from './segmentation.js'

/**
 * Segments images with one network, the same way in Node and in the browser. `Input` is what the platform accepts as an
 * image. A segmenter holds native memory: call `dispose()` when you no longer need it.
 */
export interface Segmenter<Input> extends AsyncDisposable {
  readonly model: SegmentationModelName
  readonly numClasses: number
  /** Whether the edge head is loaded, which the output `edges` needs. */
  readonly edgeHead: boolean
  /** Where the network runs, such as `cpu`. */
  readonly device: string
  /** How the tensors of the checkpoint were used. */
  readonly report: LoadReport
  readonly loadTimings: LoadTimings
  /**
   * Segments one image. The result has the maps that `options.outputs` lists.
   * @throws as `segmentImages`
   */
  segment<const Outputs extends SegmentOutputs = DefaultOutputs>(
    image: Input,
    options?: SegmentOptions<Outputs>,
  ): Promise<Segmentation<Outputs>>
  /**
   * Segments images of any sizes and returns results in their order. Images of one size run together.
   * @throws InverseFormError `not-found` or `unreadable` for an image; `invalid-argument` or `size-mismatch` for options
   * or pixels that are not valid; `out-of-memory`, `inference-failed`, `disposed`; the reason of the signal when it is
   * aborted
   */
  segmentImages<const Outputs extends SegmentOutputs = DefaultOutputs>(
    images: readonly Input[],
    options?: SegmentOptions<Outputs>,
  ): Promise<Segmentation<Outputs>[]>
  /** Lets the work under way finish, then frees the network. Calling it again does nothing. */
  dispose(): Promise<void>
}

/** Returns the method `segment` of a segmenter, which segments a list of one. */
export function segmentOne<Input>(
  segmentImages: Segmenter<Input>['segmentImages'],
): Segmenter<Input>['segment'] {
  return async <const Outputs extends SegmentOutputs = DefaultOutputs>(
    image: Input,
    options?: SegmentOptions<Outputs>,
  ) => {
    const [segmentation] = await segmentImages<Outputs>([image], options)
    return segmentation
  }
}

/** Milliseconds of each stage of loading. */
export interface LoadTimings {
  /** Reading the tensors of the checkpoint and building the network. */
  readonly open: number
  /** Choosing the device and loading the network on it. */
  readonly session: number
}

/** How far loading is. Node reports `download` once for a checkpoint that it keeps, and `cache` never. */
export type LoadProgress<D extends string = string> = DownloadProgress | CacheProgress | CompileProgress<D>

/** The checkpoint is being downloaded. */
export interface DownloadProgress {
  readonly stage: 'download'
  /** Bytes so far. */
  readonly loaded: number
  /** All bytes; undefined if the server does not send the length. */
  readonly total?: number
}

/** The checkpoint is being read from the browser's cache. */
export interface CacheProgress {
  readonly stage: 'cache'
  /** Bytes so far. */
  readonly loaded: number
  /** All bytes. */
  readonly total: number
}

/** A device is being checked and given the network. */
export interface CompileProgress<D extends string = string> {
  readonly stage: 'compile'
  readonly device: D
}
