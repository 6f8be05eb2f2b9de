import { type ImageScores, scoreImage, toTrainIds } from '@inverseform/cityscapes'
import { readLabelIds, type Sample } from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import {
  type NodeSegmenter,
  type RgbImage,
  readImage,
  type Segmentation,
  type SegmentOptions,
} from '@inverseform/runtime-node'
import { readAhead } from '@inverseform/shared'

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

/** Seconds of each stage. Images may be decoded and segmented at the same time. */
export type StageSeconds = Readonly<
  Record<'decode' | 'preprocess' | 'network' | 'postprocess' | 'score', number>
>

/**
 * Segments samples and scores them against their targets. Yields them in order; later images are decoded meanwhile, and
 * with several GPUs segmented too.
 *
 * @param options as for `segment`; `outputs` adds maps to `labels`
 * @throws InverseFormError `size-mismatch` for a target of another size than its image; as `segment` and `readImage` do
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
  options: SegmentOptions = {},
): AsyncGenerator<EvaluatedImage, void, undefined> {
  const outputs = ['labels' as const, ...(options.outputs ?? [])]
  const decoded = readAhead(samples, readSample)
  const segmented = readAhead(
    decoded,
    async (read) => {
      options.signal?.throwIfAborted()
      return { ...read, segmentation: await segmenter.segment(read.image, { ...options, outputs }) }
    },
    Math.max(1, segmenter.deviceIds.length),
  )
  for await (const { decodeSeconds, ...read } of segmented) {
    const segmentation = read.segmentation as EvaluatedImage['segmentation']
    const started = performance.now()
    const scores = scoresOf({ ...read, segmentation })
    const { preprocess, network, postprocess } = segmentation.timings
    yield {
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
}

function scoresOf({
  sample,
  image: { width, height },
  target,
  segmentation: { labels, numClasses },
}: Omit<EvaluatedImage, 'scores' | 'seconds'>): ImageScores | undefined {
  return (
    target && scoreImage({ name: sample.name, target, prediction: labels, width, height }, { numClasses })
  )
}

interface DecodedSample extends Pick<EvaluatedImage, 'sample' | 'image' | 'target'> {
  readonly decodeSeconds: number
}

async function readSample(sample: Sample): Promise<DecodedSample> {
  const started = performance.now()
  const [image, labelIds] = await Promise.all([
    readImage(sample.image),
    sample.labelIds === undefined ? undefined : readLabelIds(sample.labelIds),
  ])
  if (labelIds && (labelIds.width !== image.width || labelIds.height !== image.height)) {
    throw new InverseFormError(
      'size-mismatch',
      `${sample.labelIds} has ${labelIds.width}x${labelIds.height} pixels, but its image ${sample.image} has ${image.width}x${image.height}.`,
      { hint: 'Use the label file that belongs to this image. Do not resize either of them.' },
    )
  }
  const target = labelIds && toTrainIds(labelIds.data)
  return { sample, image, target, decodeSeconds: secondsSince(started) }
}

/** Returns the seconds since a time of `performance.now()`. */
export const secondsSince = (started: number): number => (performance.now() - started) / 1000
