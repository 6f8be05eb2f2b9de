import { type ImageScores, scoreImage } from '@inverseform/cityscapes'
import { readLabelIds, type Sample } from '@inverseform/cityscapes/node'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import {
  type NodeSegmenter,
  type RgbImage,
  readImage,
  type Segmentation,
  type SegmentOptions,
} from '@inverseform/runtime-node'
import { readAhead } from '@inverseform/shared'
import { isOfOneImage } from '../on-error.js'
import { cityscapesClasses, type ScoredClasses } from './scored-classes.js'

/** One image of an evaluation. */
export interface EvaluatedImage {
  readonly sample: Sample
  readonly image: RgbImage
  /** Train ids; undefined if the sample has no label file. */
  readonly target?: Uint8Array
  readonly segmentation: Segmentation & Segmentation<readonly ['labels']>
  /** The scores of this image; undefined without a target. */
  readonly scores?: ImageScores
  readonly seconds: StageSeconds
}

export interface EvaluateImagesOptions extends SegmentOptions {
  /** What the outputs of the network and the ids in the label files mean. */
  readonly classes?: ScoredClasses
  /** The most pixels that an image may have, as for `readImage`. */
  readonly maxPixels?: number
  /**
   * Called, in order, with an image that cannot be read, segmented or scored; the others go on without it. Without this
   * option, the first such image ends the evaluation.
   */
  readonly onFailure?: (sample: Sample, error: InverseFormError) => void
}

/** Seconds of each stage. Images may be decoded and segmented at the same time. */
export type StageSeconds = Readonly<
  Record<'decode' | 'preprocess' | 'network' | 'postprocess' | 'score', number>
>

/**
 * Segments samples and scores them against their targets. Yields them in order; later images are decoded and segmented
 * meanwhile.
 *
 * @param options as for `segment`; `outputs` adds maps to `labels`. `classes` says what the network's outputs are; by default
 *   19 are the train ids of Cityscapes, and 34 or 35 its label ids, which are mapped to train ids.
 * @throws InverseFormError `size-mismatch` for a target of another size than its image; `invalid-dataset` for ids in it that are no
 *   class; as `segment` and `readImage` do
 *
 * @example
 * const { samples } = await openDataset({ data: 'cityscapes', split: 'val' })
 * const confusion = new ConfusionMatrix()
 * for await (const { scores } of evaluateImages(segmenter, samples)) {
 *   if (scores) confusion.merge(scores.confusion)
 * }
 */
export async function* evaluateImages(
  segmenter: NodeSegmenter,
  samples: Iterable<Sample>,
  {
    classes = cityscapesClasses(segmenter.numClasses),
    maxPixels,
    onFailure,
    ...options
  }: EvaluateImagesOptions = {},
): AsyncGenerator<EvaluatedImage, void, undefined> {
  const outputs = ['labels' as const, ...(options.outputs ?? [])]
  const decoded = readAhead(samples, (sample) =>
    attempt(sample, () => readSample(sample, classes, maxPixels)),
  )
  const segmented = readAhead(
    decoded,
    async (read) => {
      options.signal?.throwIfAborted()
      if ('error' in read) return read
      return attempt(read.sample, async () => ({
        ...read,
        segmentation: await segmenter.segment(read.image, { ...options, outputs }),
      }))
    },
    // One more than are segmented, so that no worker waits while the caller handles an image.
    segmenter.workers + 1,
  )
  for await (const item of segmented) {
    const scored = 'error' in item ? item : await attempt(item.sample, async () => scoredImage(item, classes))
    if (!('error' in scored)) yield scored
    else if (onFailure === undefined) throw scored.error
    else onFailure(scored.sample, scored.error)
  }
}

interface FailedSample {
  readonly sample: Sample
  readonly error: InverseFormError
}

/** Returns the error of an image instead of throwing it, unless other images would have it too. */
async function attempt<T>(sample: Sample, work: () => Promise<T>): Promise<T | FailedSample> {
  try {
    return await work()
  } catch (error) {
    if (isOfOneImage(error)) return { sample, error }
    throw error
  }
}

interface SegmentedSample extends DecodedSample {
  readonly segmentation: Segmentation
}

function scoredImage({ decodeSeconds, ...read }: SegmentedSample, classes: ScoredClasses): EvaluatedImage {
  const started = performance.now()
  const segmentation = withClasses(read.segmentation as EvaluatedImage['segmentation'], classes)
  const scores = scoresOf({ ...read, segmentation }, classes)
  const { preprocess, network, postprocess } = segmentation.timings
  return {
    ...read,
    segmentation,
    scores,
    seconds: {
      decode: decodeSeconds,
      preprocess: preprocess / 1000,
      network: network / 1000,
      postprocess: postprocess / 1000,
      score: secondsSince(started),
    },
  }
}

/** Returns a segmentation whose labels are the classes that are scored. */
function withClasses(
  segmentation: EvaluatedImage['segmentation'],
  { toClasses, numClasses }: ScoredClasses,
): EvaluatedImage['segmentation'] {
  if (toClasses === undefined) return segmentation
  return { ...segmentation, labels: toClasses(segmentation.labels), numClasses }
}

function scoresOf(
  { sample, image: { width, height }, target, segmentation }: Omit<EvaluatedImage, 'scores' | 'seconds'>,
  { numClasses, ignoreIndex }: ScoredClasses,
): ImageScores | undefined {
  if (target === undefined) return undefined
  const { labels: prediction } = segmentation
  try {
    return scoreImage({ name: sample.name, target, prediction, width, height }, { numClasses, ignoreIndex })
  } catch (cause) {
    if (!isInverseFormError(cause)) throw cause
    throw new InverseFormError('invalid-dataset', `${sample.labelIds}: ${cause.message}`, {
      hint: cause.hint,
      details: { ...cause.details, file: sample.labelIds },
      cause,
    })
  }
}

interface DecodedSample extends Pick<EvaluatedImage, 'sample' | 'image' | 'target'> {
  readonly decodeSeconds: number
}

async function readSample(
  sample: Sample,
  { toTarget }: ScoredClasses,
  maxPixels: number | undefined,
): Promise<DecodedSample> {
  const started = performance.now()
  const [image, labelIds] = await Promise.all([
    readImage(sample.image, { maxPixels }),
    sample.labelIds === undefined ? undefined : readLabelIds(sample.labelIds),
  ])
  if (labelIds && (labelIds.width !== image.width || labelIds.height !== image.height)) {
    throw new InverseFormError(
      'size-mismatch',
      `${sample.labelIds} has ${labelIds.width}x${labelIds.height} pixels, but its image ${sample.image} has ${image.width}x${image.height}.`,
      { hint: 'Use the label file that belongs to this image. Do not resize either of them.' },
    )
  }
  const target = labelIds && toTarget(labelIds.data)
  return { sample, image, target, decodeSeconds: secondsSince(started) }
}

/** Returns the seconds since a time of `performance.now()`. */
export const secondsSince = (started: number): number => (performance.now() - started) / 1000
