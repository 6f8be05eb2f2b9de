import { InverseFormError } from '@inverseform/errors'
import { expectOneOf } from '../one-of.js'
import { averageScore, type ClassCounts, type ClassScores, classScores, nanMean } from './class-scores.js'
import type { ConfusionMatrix } from './confusion.js'
import { type ClassOptions, resolveClasses } from './ids.js'
import { type NamedImage, scoreImage } from './image-scores.js'
import type { Metric } from './metric.js'
import {
  damagedState,
  expectClasses,
  expectSameOptions,
  expectState,
  isCount,
  type StateHeader,
} from './state.js'

const FORMAT = 'inverseform.per-image-scores'

/** What {@link PerImageScores} are on disk and between processes. */
export interface PerImageState extends StateHeader {
  readonly format: typeof FORMAT
  readonly version: 1
  /** Number of classes n. */
  readonly classes: number
  readonly ignoreIndex: number | null
  /** By name; an entry a class in each list. */
  readonly images: readonly {
    readonly name: string
    readonly tp: readonly number[]
    readonly fp: readonly number[]
    readonly fn: readonly number[]
  }[]
}

type ImageState = PerImageState['images'][number]

/** The scores of one image by itself: fractions in 0..1, NaN where every pixel is ignored. */
export interface PerImageEntry {
  readonly name: string
  readonly classes: readonly ClassScores[]
  /** Over the classes that {@link PerImageOptions.over} names. */
  readonly meanIou: number
  readonly meanDice: number
  readonly accuracy: number
  /** Number of pixels counted. */
  readonly pixels: number
}

/** One class's mean over the images: fractions in 0..1, NaN where no image has the class. */
export interface PerImageClass {
  readonly iou: number
  readonly dice: number
  /** Number of images the means are over. */
  readonly images: number
}

/**
 * What {@link PerImageScores.compute} returns: fractions in 0..1, NaN where there is nothing to average.
 * The three means of IoU are those that Wang et al., Revisiting Evaluation Metrics for Semantic Segmentation, NeurIPS
 * 2023, tell apart.
 */
export interface PerImageSummary {
  /** Sorted by name. */
  readonly images: readonly PerImageEntry[]
  readonly classes: readonly PerImageClass[]
  /** Of the summed counts of all images, over the classes seen: mIoU^D, the usual one. */
  readonly datasetMeanIou: number
  /** Mean over the images of each one's mean over classes: mIoU^I. */
  readonly imageMeanIou: number
  /** Mean over the classes of each one's mean over images: mIoU^C. */
  readonly classMeanIou: number
  readonly datasetMeanDice: number
  readonly imageMeanDice: number
  readonly classMeanDice: number
}

export interface PerImageOptions {
  /**
   * Which of an image's classes are averaged: `seen` (default), those in its truth or its prediction, so that a class
   * wrongly predicted counts as 0; `truth`, only those in its truth, as Wang et al. do.
   */
  readonly over?: 'seen' | 'truth'
}

/**
 * Scores image by image: each image's own, their means, and what the worst images and {@link bootstrap} need.
 * Images are told apart by their names, which must differ.
 */
export class PerImageScores implements Metric<NamedImage, PerImageState, PerImageSummary> {
  /** Number of classes n. */
  readonly classes: number
  readonly ignoreIndex: number | null
  readonly #images = new Map<string, ImageState>()

  /** @throws InverseFormError `invalid-argument` unless `classes` is a whole number in 1..4096, `ignoreIndex` one or null. */
  constructor(options: ClassOptions = {}) {
    const { classes, ignoreIndex } = resolveClasses(options)
    this.classes = classes
    this.ignoreIndex = ignoreIndex
  }

  /**
   * Adds an image.
   * @throws InverseFormError as {@link ConfusionMatrix.update} does, and `invalid-argument` for a name that is missing
   *   or was added before. None changes the scores.
   */
  update(image: NamedImage): void {
    this.#expectNew([image.name])
    this.add(image.name, scoreImage(image, this).confusion)
  }

  /**
   * Adds an image that has been counted, such as by {@link scoreImage}.
   * @throws InverseFormError `invalid-argument` for other classes, or a name that is missing or was added before
   */
  add(name: string, confusion: ConfusionMatrix): void {
    expectSameOptions('confusion matrix', optionsOf(this), optionsOf(confusion))
    this.#expectNew([name])
    const { classes } = confusion.compute()
    const list = (count: 'tp' | 'fp' | 'fn'): number[] => classes.map((scores) => scores[count])
    this.#images.set(name, { name, tp: list('tp'), fp: list('fp'), fn: list('fn') })
  }

  /**
   * @throws InverseFormError `invalid-argument` for other options, or an image that both have
   */
  expectMergeable(other: PerImageScores): void {
    expectSameOptions('set of per-image scores', optionsOf(this), optionsOf(other))
    this.#expectNew([...other.#images.keys()])
  }

  /** @throws as {@link expectMergeable} does, and is then as before */
  merge(other: PerImageScores): void {
    this.expectMergeable(other)
    for (const [name, image] of other.#images) this.#images.set(name, image)
  }

  toJSON(): PerImageState {
    return { format: FORMAT, version: 1, ...optionsOf(this), images: this.#sorted().map(copyOf) }
  }

  /** @throws InverseFormError `unreadable` when `json` is not what {@link toJSON} returns. */
  static fromJSON(json: unknown): PerImageScores {
    const { images, ...state } = expectState<PerImageState>(json, FORMAT, 1)
    const scores = new PerImageScores(expectClasses(state, FORMAT))
    if (!Array.isArray(images)) throw damagedState(FORMAT, 'it has no list of images')
    for (const [i, image] of images.entries()) {
      const { name, tp, fp, fn } = (image ?? {}) as Partial<ImageState>
      if (typeof name !== 'string' || scores.#images.has(name))
        throw damagedState(
          FORMAT,
          `image ${i} has the name ${JSON.stringify(name)}, missing or a second time`,
        )
      for (const [key, counts] of Object.entries({ tp, fp, fn }))
        if (!Array.isArray(counts) || counts.length !== scores.classes || !counts.every(isCount))
          throw damagedState(FORMAT, `${key} of ${name} is not a list of ${scores.classes} counts`)
      scores.#images.set(name, copyOf({ name, tp: tp!, fp: fp!, fn: fn! }))
    }
    return scores
  }

  /** @throws InverseFormError `invalid-argument` for another value of `over` than listed */
  compute({ over = 'seen' }: PerImageOptions = {}): PerImageSummary {
    expectOneOf('over', over, ['seen', 'truth'])
    const present = ({ tp, fp, fn }: ClassCounts): boolean => tp + fn + (over === 'seen' ? fp : 0) > 0
    const images = this.#sorted().map((image): PerImageEntry => {
      const pixels = sum(image.tp) + sum(image.fn)
      const classes = image.tp.map((tp, c) => {
        const [fp, fn] = [image.fp[c]!, image.fn[c]!]
        return classScores({ tp, fp, fn, tn: pixels - tp - fp - fn })
      })
      const { name } = image
      return { name, classes, ...means(classes.filter(present)), accuracy: sum(image.tp) / pixels, pixels }
    })
    const classes = Array.from({ length: this.classes }, (_, c): PerImageClass => {
      const having = images.map((image) => image.classes[c]!).filter(present)
      const { meanIou, meanDice } = means(having)
      return { iou: meanIou, dice: meanDice, images: having.length }
    })
    const dataset = datasetCounts(images, this.classes)
    return {
      images,
      classes,
      datasetMeanIou: averageScore(dataset),
      imageMeanIou: nanMean(images.map(({ meanIou }) => meanIou)),
      classMeanIou: nanMean(classes.map(({ iou }) => iou)),
      datasetMeanDice: averageScore(dataset, { metric: 'dice' }),
      imageMeanDice: nanMean(images.map(({ meanDice }) => meanDice)),
      classMeanDice: nanMean(classes.map(({ dice }) => dice)),
    }
  }

  /** State and sums in one order, whatever that of the updates. */
  #sorted(): ImageState[] {
    return [...this.#images.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  #expectNew(names: readonly string[]): void {
    for (const name of names) {
      if (typeof name !== 'string')
        throw new InverseFormError('invalid-argument', 'An image has no name.', {
          hint: 'Give each image a name of its own, such as its file.',
        })
      if (this.#images.has(name))
        throw new InverseFormError('invalid-argument', `The image ${name} is there a second time.`, {
          hint: 'Count each image once; images of the same file name need their folder in the name.',
          details: { name },
        })
    }
  }
}

const optionsOf = ({ classes, ignoreIndex }: Required<ClassOptions>) => ({ classes, ignoreIndex })
const copyOf = ({ name, tp, fp, fn }: ImageState): ImageState => ({
  name,
  tp: [...tp],
  fp: [...fp],
  fn: [...fn],
})
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

const means = (scores: readonly ClassScores[]): { meanIou: number; meanDice: number } => ({
  meanIou: nanMean(scores.map(({ iou }) => iou)),
  meanDice: nanMean(scores.map(({ dice }) => dice)),
})

/** Each class's counts summed over the images. */
function datasetCounts(images: readonly PerImageEntry[], n: number): ClassCounts[] {
  const totals = Array.from({ length: n }, () => ({ tp: 0, fp: 0, fn: 0, tn: 0 }))
  for (const { classes } of images)
    for (const [c, { tp, fp, fn, tn }] of classes.entries()) {
      const total = totals[c]!
      total.tp += tp
      total.fp += fp
      total.fn += fn
      total.tn += tn
    }
  return totals
}
