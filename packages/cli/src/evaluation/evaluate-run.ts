import type { Sample } from '@inverseform/cityscapes/node'
import type { InverseFormError } from '@inverseform/errors'
import type { NodeSegmenter, SegmentOptions } from '@inverseform/runtime-node'
import { type OnError, type SkippedImage, skippedImage } from '../on-error.js'
import { type DoneImage, type RunState, sizesOf } from '../state/run-state.js'
import { compareLabels } from './edge-head-comparison.js'
import { type EvaluatedImage, evaluateImages, secondsSince } from './evaluate-images.js'
import type { Evaluation, ImageResult } from './evaluation.js'
import type { ScoredClasses } from './scored-classes.js'
import type { ValidationLoss } from './validation-loss.js'

/** What one image brings, beside its scores. */
type Written = Pick<ImageResult, 'pictures'> & Pick<DoneImage, 'outputs'>

interface EvaluationRun {
  readonly segmenter: NodeSegmenter
  readonly classes: ScoredClasses
  /** The samples that are not done yet, by their stems. */
  readonly samples: ReadonlyMap<string, Sample>
  readonly options: SegmentOptions & { readonly maxPixels?: number }
  readonly onError: OnError
  readonly loss?: ValidationLoss
  /** The network without its edge head, whose labels are compared. */
  readonly without?: NodeSegmenter
  /** What is written and counted; undefined for results that are only printed. */
  readonly state?: RunState<Evaluation>
  readonly evaluation: Evaluation
  /** Writes the files of an image. */
  write(stem: string, image: EvaluatedImage): Promise<Written>
  onDone(image: ImageResult): void
  onSkip(image: SkippedImage): void
}

/** The files that a sample is read from. */
export const filesOf = ({ image, labelIds }: Pick<Sample, 'image' | 'labelIds'>): string[] => [
  image,
  ...(labelIds === undefined ? [] : [labelIds]),
]

/**
 * Evaluates samples. An image counts only when all of its work is done: its files, its loss, its labels without the edge head.
 * The loss of an image is computed while the next one is segmented.
 */
export async function evaluateRun(run: EvaluationRun): Promise<void> {
  const { samples, state, evaluation, onError } = run
  const stemOf = new Map([...samples].map(([stem, sample]) => [sample, stem]))
  let counted = performance.now()
  /** Images that are done are counted one after another. */
  let last: Promise<void> = Promise.resolve()
  const count = async (sample: Sample, outputs: readonly string[], apply: (to: Evaluation) => void) => {
    if (state === undefined) return apply(evaluation)
    const name = stemOf.get(sample) as string
    await state.add([{ name, bytes: await sizesOf(filesOf(sample)), outputs }], apply)
  }
  const next = (work: () => Promise<void>) => {
    last = last.then(work)
    // Who waits for it throws a failure; until then it must not count as unhandled.
    last.catch(() => {})
  }
  const onFailure = (sample: Sample, error: InverseFormError) =>
    next(async () => {
      const skipped = skippedImage(stemOf.get(sample) as string, error)
      await count(sample, [], (to) => to.skip(skipped))
      run.onSkip(skipped)
    })
  try {
    for await (const image of evaluateImages(run.segmenter, samples.values(), {
      ...run.options,
      classes: run.classes,
      onFailure: onError === 'skip' ? onFailure : undefined,
    })) {
      const { sample, scores, segmentation } = image
      const stem = stemOf.get(sample) as string
      const [{ pictures, outputs }, write] = await timed(run.write(stem, image))
      const [compared, comparing] = await timed(
        run.without && compareLabels(run.without, image, run.classes, run.options),
      )
      await last
      const loss = timed(run.loss?.terms(image))
      next(async () => {
        const [terms, losing] = await loss
        const total = secondsSince(counted)
        counted = performance.now()
        const score = image.seconds.score + comparing + losing
        const seconds = { ...image.seconds, score, write, total }
        const result = { stem, scores, tiles: segmentation.tiles, seconds, loss: terms, compared, pictures }
        await count(sample, outputs, (to) => to.add(result))
        run.onDone(result)
      })
    }
    await last
  } finally {
    await last.catch(() => {})
  }
}

/** Returns the result of work that has just started, and its seconds. */
async function timed<T>(work: T | Promise<T>): Promise<readonly [result: T, seconds: number]> {
  const started = performance.now()
  const result = await work
  return [result, secondsSince(started)]
}
