import type { SegmentationModelName } from '@inverseform/backbones'
import type { PassName } from '@inverseform/backbones/graph'
import { checkArgument, checkBoolean, checkFunction, checkInteger, checkOneOf } from '@inverseform/errors'
import type { LoadProgress } from './segmenter.js'

/** The options of a segmenter that do not depend on the platform, beside those that choose a device. */
export interface ModelOptions {
  /**
   * Where the state dict is inside the checkpoint, when there are several: names joined by dots, such as `model_ema` or
   * `checkpoint.state_dict`; `0` is the first element of a list.
   */
  readonly key?: string
  /** The checkpoint's model; inferred from its tensors by default. */
  readonly model?: SegmentationModelName
  /** Whether to load the edge head, which the output `edges` needs; `false` by default. */
  readonly edgeHead?: boolean
  /** Number of classes; the checkpoint's by default. */
  readonly numClasses?: number
  /**
   * The most pixels that an image may have; more is an error before anything is decoded. By default, 8192x8192, or fewer
   * where half of the available memory would not suffice.
   */
  readonly maxPixels?: number
  /**
   * Graph passes to run, in this order, instead of those that are fastest on the device; `[]` runs the network as published. On
   * WebGPU, the passes that it needs follow.
   */
  readonly passes?: readonly PassName[]
}

/** Options of loading. */
export interface LoadingOptions<D extends string> {
  /** Aborts loading: the promise rejects with its reason at once. */
  readonly signal?: AbortSignal
  /** Called while loading. */
  readonly onProgress?: (progress: LoadProgress<D>) => void
}

export interface ModelSettings extends ModelOptions {
  readonly edgeHead: boolean
}

/** All names of models; the compiler checks that none is missing. The zoo itself would be much larger in a page's bundle. */
const models: Readonly<Record<SegmentationModelName, true>> = {
  hrnet18: true,
  'hrnet16-slim': true,
  ocrnet48: true,
  'ocrnet48-hms': true,
}

/** The names of the published segmentation models. */
export const publishedModels: readonly string[] = Object.keys(models)

/** Checks the options of a model and fills in their defaults. @throws `invalid-argument` */
export function checkModelOptions({
  key,
  model,
  edgeHead = false,
  numClasses,
  maxPixels,
  passes,
}: ModelOptions): ModelSettings {
  if (key !== undefined) checkArgument('key', key, typeof key === 'string' && key !== '', 'a name')
  if (model !== undefined) checkOneOf('model', model, publishedModels)
  checkBoolean('edgeHead', edgeHead)
  if (numClasses !== undefined) checkInteger('numClasses', numClasses, { min: 1, max: 4096 })
  if (maxPixels !== undefined) checkInteger('maxPixels', maxPixels, { min: 1 })
  return { key, model, edgeHead, numClasses, maxPixels, passes }
}

/** Checks the options of loading. @throws `invalid-argument` */
export function checkLoadingOptions({ signal, onProgress }: LoadingOptions<never>): void {
  checkSignal(signal)
  if (onProgress !== undefined) checkFunction('onProgress', onProgress)
}

/** @throws `invalid-argument` */
export function checkSignal(signal: unknown): void {
  const valid =
    signal === undefined || typeof (signal as Partial<AbortSignal> | null)?.throwIfAborted === 'function'
  checkArgument('signal', signal, valid, 'an AbortSignal')
}
