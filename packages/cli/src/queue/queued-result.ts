import type { Sample } from '@inverseform/cityscapes/node'
import { compareLabels } from '../evaluation/edge-head-comparison.js'
import { evaluateImages, type StageSeconds } from '../evaluation/evaluate-images.js'
import { Evaluation } from '../evaluation/evaluation.js'
import type { Networks } from '../evaluation/open-networks.js'
import type { ScoredClasses } from '../evaluation/scored-classes.js'
import { isCodeOfOneImage, isOfOneImage, type SkippedImage, skippedImage } from '../on-error.js'
import type { SegmenterFlags } from '../options/model.js'
import { isRecord } from '../state/run-plan.js'
import type { DataSource, QueuedSample } from './data-source.js'

/** What a worker says about an image: an evaluation of it alone, or why there is none. */
export interface QueuedResult {
  readonly device: string
  /** The sizes of the files that it was read from. */
  readonly bytes: readonly number[]
  readonly seconds?: StageSeconds
  readonly evaluation?: Evaluation
  readonly failure?: SkippedImage
}

interface QueuedImage {
  readonly stem: string
  readonly queued: QueuedSample
  readonly source: DataSource
  readonly networks: Networks
  readonly options: Pick<SegmenterFlags, 'scales' | 'flip' | 'maxPixels'>
  readonly device: string
  readonly signal: AbortSignal
}

/** Evaluates an image. What is wrong with the image itself is a result; other errors are thrown. */
export async function evaluateQueued({
  stem,
  queued,
  source,
  device,
  signal,
  ...how
}: QueuedImage): Promise<QueuedResult> {
  let inWords = (message: string) => message
  let bytes: readonly number[] = []
  try {
    await using files = await source.fetch(queued, signal)
    ;({ inWords, bytes } = files)
    return { device, bytes, ...(await evaluateSample(stem, files.sample, how, signal)) }
  } catch (error) {
    if (!isOfOneImage(error)) throw error
    const failure = skippedImage(stem, error)
    return { device, bytes, failure: { ...failure, error: inWords(failure.error) } }
  }
}

async function evaluateSample(
  stem: string,
  sample: Sample,
  { networks, options }: Pick<QueuedImage, 'networks' | 'options'>,
  signal: AbortSignal,
): Promise<Pick<QueuedResult, 'seconds' | 'evaluation'>> {
  const { segmenter, without, classes, loss } = networks
  const segment = { ...options, signal }
  const [image] = await all(
    evaluateImages(segmenter, [sample], { ...segment, classes, outputs: loss?.outputs }),
  )
  const compared = without && (await compareLabels(without, image, classes, segment))
  const terms = await loss?.terms(image)
  const { scores, seconds } = image
  const { tiles } = image.segmentation
  const evaluation = new Evaluation(classes)
  // How long the whole run takes is seen by the process that collects the results.
  evaluation.add({ stem, scores, tiles, seconds: { ...seconds, write: 0, total: 0 }, loss: terms, compared })
  return { seconds, evaluation }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

/** A result as it is counted. */
export interface CountedResult extends Omit<QueuedResult, 'evaluation'> {
  readonly evaluation: Evaluation
}

/**
 * Reads what a worker returned for an image.
 * @param total seconds since the image before
 * @throws an error for anything else, also for results of another image
 */
export function parseResult(
  payload: unknown,
  image: string,
  classes: Pick<ScoredClasses, 'numClasses' | 'ignoreIndex'>,
  total: number,
): CountedResult {
  const { device, bytes, seconds, evaluation: json, failure } = payload as Record<string, unknown>
  if (typeof device !== 'string' || !Array.isArray(bytes) || !bytes.every(Number.isSafeInteger)) {
    throw new Error('It has no device or no sizes of files.')
  }
  const read = { device, bytes, seconds: seconds as StageSeconds | undefined }
  if (failure !== undefined) {
    const evaluation = new Evaluation(classes)
    const { name, code, error } = failure as SkippedImage
    if (name !== image || !isCodeOfOneImage(code) || typeof error !== 'string') {
      throw new Error('It has an unknown failure.')
    }
    evaluation.skip({ name, code, error })
    return { ...read, evaluation, failure: { name, code, error } }
  }
  if (!isRecord(json) || !isRecord(json.seconds)) throw new Error('It has no evaluation.')
  const evaluation = Evaluation.fromJSON({ ...json, seconds: { ...json.seconds, total } }, classes)
  const { scored, skipped, pictured } = evaluation
  const isOfImage = scored.length <= 1 && scored.every(({ stem }) => stem === image)
  if (!isOfImage || skipped.length > 0 || pictured.length > 0) throw new Error('It is of other images.')
  return { ...read, evaluation }
}
