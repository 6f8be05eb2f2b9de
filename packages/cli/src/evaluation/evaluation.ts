import { ConfusionMatrix, type ImageScores } from '@inverseform/cityscapes'
import { metricsFromJSON, metricsToJSON } from '@inverseform/cityscapes/node'
import type { SkippedImage } from '../on-error.js'
import type { Accumulator } from '../state/run-state.js'
import { ComparedLabels } from './edge-head-comparison.js'
import type { StageSeconds } from './evaluate-images.js'
import { LossSum } from './loss-sum.js'
import type { ScoredClasses } from './scored-classes.js'
import type { LossTerms } from './validation-loss.js'

type Classes = Pick<ScoredClasses, 'numClasses' | 'ignoreIndex'>

/** Seconds of each stage, summed over images, and the time that they took. Scoring includes the loss and the comparison. */
export type TotalSeconds = StageSeconds & { readonly write: number; readonly total: number }

/** What one image adds to an evaluation, when all of its work is done. */
export interface ImageResult {
  /** The name that its files have, which no other image has. */
  readonly stem: string
  /** Undefined without a target. */
  readonly scores?: ImageScores
  readonly tiles: number
  /** With the time since the image before. */
  readonly seconds: TotalSeconds
  /** Undefined without `--loss`, or without a target. */
  readonly loss?: LossTerms
  /** Undefined without `--compare-edge-head`. */
  readonly compared?: ComparedLabels
  /** The ends of its pictures' names, such as `input.jpg`; undefined without pictures. */
  readonly pictures?: readonly string[]
}

/** An image that has a target, with its scores. */
export interface ScoredImage {
  readonly stem: string
  readonly name: string
  readonly meanIou: number
  readonly accuracy: number
}

/** An image whose pictures were written. */
export interface PicturedImage {
  readonly stem: string
  /** NaN without a target. */
  readonly meanIou: number
  readonly pictures: readonly string[]
}

/**
 * The results of images, in any order: counts and exact sums, so that parts of a data set add up to the same results, to the last
 * bit, however it is divided and whenever a run was interrupted.
 */
export class Evaluation implements Accumulator {
  readonly confusion: ConfusionMatrix
  readonly scored: ScoredImage[] = []
  readonly pictured: PicturedImage[] = []
  readonly skipped: SkippedImage[] = []
  /** The largest number of tiles that an image was cut into. */
  tiles = 1
  /** The labels without the edge head, if some were compared. */
  compared: ComparedLabels | undefined
  readonly #classes: Classes
  readonly #seconds: Record<keyof TotalSeconds, number> = {
    decode: 0,
    preprocess: 0,
    network: 0,
    postprocess: 0,
    score: 0,
    write: 0,
    total: 0,
  }
  readonly #loss = new Map<string, LossSum>()
  #losses = 0

  constructor(classes: Classes) {
    this.#classes = { numClasses: classes.numClasses, ignoreIndex: classes.ignoreIndex }
    this.confusion = new ConfusionMatrix(this.#classes)
  }

  add({ stem, scores, tiles, seconds, loss, compared, pictures }: ImageResult): void {
    if (scores) {
      const { name, meanIou, accuracy, confusion } = scores
      this.confusion.merge(confusion)
      this.scored.push({ stem, name, meanIou, accuracy })
    }
    if (pictures) this.pictured.push({ stem, meanIou: scores?.meanIou ?? Number.NaN, pictures })
    this.tiles = Math.max(this.tiles, tiles)
    this.#addSeconds(seconds)
    if (loss) {
      for (const [name, value] of Object.entries(loss)) this.#lossOf(name).add(value)
      this.#losses++
    }
    if (compared) this.#comparedLabels().merge(compared)
  }

  /** Records an image that counts nowhere. */
  skip(image: SkippedImage): void {
    this.skipped.push(image)
  }

  merge(other: Evaluation): void {
    this.confusion.merge(other.confusion)
    this.scored.push(...other.scored)
    this.pictured.push(...other.pictured)
    this.skipped.push(...other.skipped)
    this.tiles = Math.max(this.tiles, other.tiles)
    this.#addSeconds(other.seconds)
    for (const [name, sum] of other.#loss) this.#lossOf(name).merge(sum)
    this.#losses += other.#losses
    if (other.compared) this.#comparedLabels().merge(other.compared)
  }

  get seconds(): TotalSeconds {
    return this.#seconds
  }

  /** The mean over the images of each term of the loss; undefined without any. */
  loss(): LossTerms | undefined {
    if (this.#losses === 0) return undefined
    return Object.fromEntries([...this.#loss].map(([name, sum]) => [name, sum.value / this.#losses]))
  }

  toJSON() {
    const { scored, pictured, skipped, tiles, seconds, compared } = this
    return {
      confusion: matrixToJSON(this.confusion),
      scored,
      pictured,
      skipped,
      tiles,
      seconds,
      loss: { images: this.#losses, terms: Object.fromEntries(this.#loss) },
      compared: compared && { ...compared, confusion: matrixToJSON(compared.confusion) },
    }
  }

  /** @throws an error for anything but what {@link toJSON} returned for the same classes */
  static fromJSON(json: unknown, classes: Classes): Evaluation {
    const state = json as ReturnType<Evaluation['toJSON']>
    const read = new Evaluation(classes)
    read.confusion.merge(matrixFromJSON(state.confusion))
    read.scored.push(...state.scored.map(scoredFromJSON))
    read.pictured.push(...state.pictured.map(picturedFromJSON))
    read.skipped.push(...state.skipped.map(skippedFromJSON))
    read.tiles = checked(state.tiles, Number.isSafeInteger)
    read.#addSeconds(state.seconds)
    for (const [name, sum] of Object.entries(state.loss.terms)) read.#loss.set(name, LossSum.fromJSON(sum))
    read.#losses = checked(state.loss.images, Number.isSafeInteger)
    if (state.compared) {
      const compared = read.#comparedLabels()
      compared.confusion.merge(matrixFromJSON(state.compared.confusion))
      compared.differingPixels = checked(state.compared.differingPixels, Number.isSafeInteger)
      compared.pixels = checked(state.compared.pixels, Number.isSafeInteger)
    }
    return read
  }

  #addSeconds(seconds: TotalSeconds): void {
    for (const stage of Object.keys(this.#seconds) as (keyof TotalSeconds)[]) {
      this.#seconds[stage] += checked(seconds[stage], Number.isFinite)
    }
  }

  #lossOf(name: string): LossSum {
    const sum = this.#loss.get(name) ?? new LossSum()
    this.#loss.set(name, sum)
    return sum
  }

  #comparedLabels(): ComparedLabels {
    this.compared ??= new ComparedLabels(this.#classes)
    return this.compared
  }
}

/** Returns the state of a matrix with its number of ignored pixels, which a warning needs. */
const matrixToJSON = (confusion: ConfusionMatrix): unknown => metricsToJSON({ confusion }).confusion

const matrixFromJSON = (json: unknown): ConfusionMatrix =>
  metricsFromJSON({ confusion: json }).confusion as ConfusionMatrix

const scoredFromJSON = ({ stem, name, meanIou, accuracy }: ScoredImage): ScoredImage => ({
  stem: checked(stem, isText),
  name: checked(name, isText),
  meanIou: scoreFromJSON(meanIou),
  accuracy: scoreFromJSON(accuracy),
})

const picturedFromJSON = ({ stem, meanIou, pictures }: PicturedImage): PicturedImage => ({
  stem: checked(stem, isText),
  meanIou: scoreFromJSON(meanIou),
  pictures: pictures.map((end) => checked(end, isPictureEnd)),
})

const skippedFromJSON = ({ name, code, error }: SkippedImage): SkippedImage => ({
  name: checked(name, isText),
  code: checked(code, isText),
  error: checked(error, isText),
})

/** JSON has null for NaN. */
const scoreFromJSON = (value: number | null): number => checked(value ?? Number.NaN, isNumber)

const isText = (value: unknown) => typeof value === 'string'
const isNumber = (value: unknown) => typeof value === 'number'
/** The ends of the names of pictures become part of paths. */
const isPictureEnd = (value: unknown) => typeof value === 'string' && /^[a-z]+\.(png|jpg)$/.test(value)

function checked<T>(value: T, isValid: (value: unknown) => boolean): T {
  if (isValid(value)) return value
  throw new Error(`It has ${JSON.stringify(value)} where something else belongs.`)
}
