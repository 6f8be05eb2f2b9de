import { ConfusionMatrix, type ImageScores, scoreImage, toTrainIds } from '@inverseform/cityscapes'
import { readLabelIds, type Sample } from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import {
  type NodeSegmenter,
  type RgbImage,
  readImage,
  type Segmentation,
  type SegmentOptions,
} from '@inverseform/runtime-node'
import { loadAhead } from './load-ahead.js'
import { devicesOf } from './output/device.js'

export interface EvaluationOptions {
  readonly segment?: SegmentOptions
  readonly signal?: AbortSignal
  /** Called for every image, in order, before the next one is run; with several GPUs, as many are run ahead. */
  readonly onImage?: (image: EvaluatedImage) => Promise<void> | void
}

/** One image, while it is in memory. */
export interface EvaluatedImage {
  readonly sample: Sample
  readonly image: RgbImage
  /** Train ids, and the image's own scores, where the data set has the truth. */
  readonly truth?: Uint8Array
  readonly scores?: ImageScores
  readonly segmentation: Segmentation
  /** The counts of all images up to this one. */
  readonly confusion: ConfusionMatrix
}

export interface Evaluation {
  readonly confusion: ConfusionMatrix
  readonly images: readonly { readonly name: string; readonly meanIou: number; readonly accuracy: number }[]
  /** Seconds, summed over the images. Decoding overlaps with the rest. */
  readonly seconds: StageSeconds
}

export type StageSeconds = Record<
  'decode' | 'preprocess' | 'network' | 'postprocess' | 'score' | 'total',
  number
>

/** Segments every sample and compares it with its truth. */
export async function evaluate(
  segmenter: NodeSegmenter,
  samples: readonly Sample[],
  { segment, signal, onImage }: EvaluationOptions = {},
): Promise<Evaluation> {
  const started = performance.now()
  const { classes } = segmenter
  const confusion = new ConfusionMatrix({ classes })
  const images: { name: string; meanIou: number; accuracy: number }[] = []
  const seconds: StageSeconds = { decode: 0, preprocess: 0, network: 0, postprocess: 0, score: 0, total: 0 }

  const read = loadAhead(samples, timedRead)
  for await (const item of loadAhead(read, segmented, devicesOf(segmenter))) {
    const { sample, image, truth, segmentation } = item
    for (const stage of ['preprocess', 'network', 'postprocess'] as const) {
      seconds[stage] += segmentation.timings[stage] / 1000
    }
    const scoring = performance.now()
    const { width, height } = image
    const scores =
      truth &&
      scoreImage(
        { name: sample.name, truth, prediction: segmentation.labels as Uint8Array, width, height },
        { classes },
      )
    if (scores) {
      confusion.merge(scores.confusion)
      images.push({ name: sample.name, meanIou: scores.meanIou, accuracy: scores.accuracy })
    }
    seconds.score += (performance.now() - scoring) / 1000
    await onImage?.({ sample, image, truth, scores, segmentation, confusion })
  }
  seconds.total = (performance.now() - started) / 1000
  return { confusion, images, seconds }

  async function segmented(item: SampleImage) {
    signal?.throwIfAborted()
    return { ...item, segmentation: await segmenter.segment(item.image, { ...segment, signal }) }
  }

  async function timedRead(sample: Sample) {
    const reading = performance.now()
    const read = await readSample(sample)
    seconds.decode += (performance.now() - reading) / 1000
    return read
  }
}

type SampleImage = Pick<EvaluatedImage, 'sample' | 'image' | 'truth'>

/** An image and its truth, which must have one size. */
async function readSample(sample: Sample): Promise<SampleImage> {
  const [image, labelIds] = await Promise.all([
    readImage(sample.image),
    sample.labelIds === undefined ? undefined : readLabelIds(sample.labelIds),
  ])
  if (!labelIds) return { sample, image }
  if (labelIds.width !== image.width || labelIds.height !== image.height) {
    const sizes = `${sample.labelIds} is ${labelIds.width}x${labelIds.height}, its image ${sample.image} ${image.width}x${image.height}`
    throw new InverseFormError('size-mismatch', `The truth has another size than the image: ${sizes}.`, {
      hint: 'Resize neither: put the label file that belongs to this image in its place.',
    })
  }
  return { sample, image, truth: toTrainIds(labelIds.data) }
}
