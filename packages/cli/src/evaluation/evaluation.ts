import { ConfusionMatrix } from '@inverseform/cityscapes'
import { type EvaluatedImage, type StageSeconds, secondsSince } from './evaluate-images.js'
import type { ScoredClasses } from './scored-classes.js'

/** The results of an evaluation so far. The clock starts with the constructor. */
export class Evaluation {
  readonly confusion: ConfusionMatrix
  /** The scores of each image that has a target. */
  readonly images: { readonly name: string; readonly meanIou: number; readonly accuracy: number }[] = []
  /** The largest number of tiles that an image was cut into. */
  tiles = 1
  readonly #stages: Record<keyof StageSeconds, number> = {
    decode: 0,
    preprocess: 0,
    network: 0,
    postprocess: 0,
    score: 0,
  }
  readonly #started = performance.now()

  constructor(options: Pick<ScoredClasses, 'numClasses' | 'ignoreIndex'>) {
    this.confusion = new ConfusionMatrix(options)
  }

  add({ scores, segmentation, seconds }: EvaluatedImage): void {
    const started = performance.now()
    if (scores) {
      const { name, meanIou, accuracy, confusion } = scores
      this.confusion.merge(confusion)
      this.images.push({ name, meanIou, accuracy })
    }
    this.tiles = Math.max(this.tiles, segmentation.tiles)
    for (const stage of Object.keys(seconds) as (keyof StageSeconds)[]) this.#stages[stage] += seconds[stage]
    this.#stages.score += secondsSince(started)
  }

  /** Returns the seconds of each stage, summed over the images, and the elapsed time. */
  seconds(): StageSeconds & { readonly total: number } {
    return { ...this.#stages, total: secondsSince(this.#started) }
  }
}
