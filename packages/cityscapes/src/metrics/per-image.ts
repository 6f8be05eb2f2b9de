import { checkOneOf, formatValue, InverseFormError } from '@inverseform/errors'
import { nanMean, sum } from '@inverseform/shared'
import { checkImage } from './check-image.js'
import { averageScore, type ClassCounts, type ClassScores, classScores } from './class-scores.js'
import { type ConfusionMatrix, checkMatrix } from './confusion.js'
import { type NamedImage, scoreImage } from './image-scores.js'
import type { Metric } from './metric.js'
import { type CountOptions, resolveCountOptions } from './options.js'
import {
  checkSameMetric,
  checkSameOptions,
  declareState,
  type StateHeader,
  type StateOf,
} from './state/declare-state.js'
import { checkTotal, checkTotals, damage, type Field, isCount } from './state/fields.js'
import { voidFields, voidOptions } from './state/void-index.js'

/** The state of {@link PerImageScores} as JSON. */
export interface PerImageState extends StateHeader {
  readonly format: 'inverseform.per-image-scores'
  readonly version: 1
  /** Number of classes n. */
  readonly classes: number
  readonly ignoreIndex: number | null
  /** The option, if there is one. */
  readonly voidIndex?: number
  /** Sorted by name. Each list has one entry per class. */
  readonly images: readonly ImageCounts[]
}

interface ImageCounts {
  readonly name: string
  readonly tp: readonly number[]
  readonly fp: readonly number[]
  readonly fn: readonly number[]
}

/** The scores of one image by itself: fractions in 0..1, NaN if every pixel is ignored. */
export interface PerImageEntry {
  readonly name: string
  readonly classes: readonly ClassScores[]
  /** Mean over the classes that {@link PerImageOptions.over} selects. */
  readonly meanIou: number
  /** Mean over the classes that {@link PerImageOptions.over} selects. */
  readonly meanDice: number
  readonly accuracy: number
  /** Number of pixels counted. */
  readonly pixels: number
}

/** The means of one class over the images: fractions in 0..1, NaN if no image has the class. */
export interface PerImageClass {
  readonly iou: number
  readonly dice: number
  /** Number of images averaged. */
  readonly images: number
}

/**
 * What {@link PerImageScores.compute} returns: fractions in 0..1, NaN if there is nothing to average.
 * Wang et al., Revisiting Evaluation Metrics for Semantic Segmentation, NeurIPS 2023, define the three means of IoU.
 */
export interface PerImageSummary {
  /** Sorted by name. */
  readonly images: readonly PerImageEntry[]
  readonly classes: readonly PerImageClass[]
  /** Mean over the classes seen of the IoU of all images' summed counts: mIoU^D, the usual mean IoU. */
  readonly datasetMeanIou: number
  /** Mean over the images of each image's mean over classes: mIoU^I. */
  readonly imageMeanIou: number
  /** Mean over the classes of each class's mean over images: mIoU^C. */
  readonly classMeanIou: number
  readonly datasetMeanDice: number
  readonly imageMeanDice: number
  readonly classMeanDice: number
}

export interface PerImageOptions {
  /**
   * Which classes of an image are averaged. `seen` (default): those in its target or its prediction, so that a wrongly
   * predicted class counts as 0. `target`: only those in its target, as in Wang et al.
   */
  readonly over?: 'seen' | 'target'
}

const declaration = declareState({
  name: 'set of per-image scores',
  format: 'inverseform.per-image-scores',
  version: 1,
  resolve: resolveCountOptions,
  stored: ['numClasses', 'ignoreIndex'],
  inferred: voidOptions,
  fields: (options) => ({ images: imagesByName(options.numClasses), ...voidFields(options, {}) }),
})

/**
 * Scores image by image: the scores of each image, their means, and what the worst images and {@link bootstrap} need.
 * Every image needs a different name.
 */
export class PerImageScores implements Metric<NamedImage, PerImageState, PerImageSummary> {
  /** Number of classes n. */
  readonly numClasses: number
  readonly ignoreIndex: number | null
  readonly voidIndex: number | null
  readonly #state: StateOf<typeof declaration>

  /** @throws InverseFormError `invalid-argument` for invalid options */
  constructor(options: CountOptions = {}) {
    this.#state = declaration.create(options)
    this.numClasses = this.#state.options.numClasses
    this.ignoreIndex = this.#state.options.ignoreIndex
    this.voidIndex = this.#state.options.voidIndex ?? null
  }

  /**
   * Adds an image.
   * @throws InverseFormError as {@link ConfusionMatrix.update}, and `invalid-argument` for a name that is missing or was
   *   added before. The scores are then unchanged.
   */
  update(image: NamedImage): void {
    checkImage(image)
    checkNew(image.name, this.#state.values.images)
    this.add(image.name, scoreImage(image, this).confusion)
  }

  /**
   * Adds an image that was counted before, such as by {@link scoreImage}.
   * @throws InverseFormError `invalid-argument` for different options, or a name that is missing or was added before
   */
  add(name: string, confusion: ConfusionMatrix): void {
    checkMatrix('confusion', confusion)
    checkSameOptions('confusion matrix', this.#state.options, resolveCountOptions(confusion))
    checkNew(name, this.#state.values.images)
    const { classes } = confusion.compute()
    const list = (count: 'tp' | 'fp' | 'fn'): number[] => classes.map((scores) => scores[count])
    this.#state.values.images.set(name, { name, tp: list('tp'), fp: list('fp'), fn: list('fn') })
  }

  /** @throws InverseFormError `invalid-argument` if the options differ or both contain an image */
  checkMergeable(other: PerImageScores): void {
    checkSameMetric('PerImageScores', other, (value) => #state in value)
    this.#state.checkMergeable(other.#state)
  }

  /** @throws InverseFormError as {@link checkMergeable}; the scores are then unchanged */
  merge(other: PerImageScores): void {
    this.checkMergeable(other)
    this.#state.merge(other.#state)
  }

  toJSON(): PerImageState {
    return this.#state.toJSON()
  }

  /** @throws InverseFormError `unreadable` unless `json` is what {@link toJSON} returns */
  static fromJSON(json: unknown): PerImageScores {
    const state = declaration.read(json)
    const scores = new PerImageScores(state.options)
    scores.#state.merge(state)
    return scores
  }

  /** @throws InverseFormError `invalid-argument` for an unknown value of `over` */
  compute({ over = 'seen' }: PerImageOptions = {}): PerImageSummary {
    checkOneOf('over', over, ['seen', 'target'])
    const present = ({ tp, fp, fn }: ClassCounts): boolean => tp + fn + (over === 'seen' ? fp : 0) > 0
    const images = sorted(this.#state.values.images).map((image): PerImageEntry => {
      const pixels = sum(image.tp) + sum(image.fn)
      const classes = image.tp.map((tp, c) => {
        const [fp, fn] = [image.fp[c], image.fn[c]]
        return classScores({ tp, fp, fn, tn: Math.max(0, pixels - tp - fp - fn) })
      })
      const { name } = image
      return { name, classes, ...means(classes.filter(present)), accuracy: sum(image.tp) / pixels, pixels }
    })
    const classes = Array.from({ length: this.numClasses }, (_, c): PerImageClass => {
      const having = images.map((image) => image.classes[c]).filter(present)
      const { meanIou, meanDice } = means(having)
      return { iou: meanIou, dice: meanDice, images: having.length }
    })
    const dataset = datasetCounts(images, this.numClasses)
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
}

/** The counts of images under their names, which JSON holds as a sorted list. */
function imagesByName(numClasses: number): Field<Map<string, ImageCounts>, readonly ImageCounts[]> {
  const isCounts = (list: unknown): list is number[] =>
    Array.isArray(list) && list.length === numClasses && list.every(isCount)
  return {
    create: () => new Map(),
    checkMergeable(ours, theirs) {
      for (const name of theirs.keys()) checkNew(name, ours)
      checkTotals(pixelCounts(ours), pixelCounts(theirs))
    },
    merge(ours, theirs) {
      for (const [name, image] of theirs) ours.set(name, image)
      return ours
    },
    write: (images) => sorted(images).map(copyOf),
    read(json, path) {
      if (!Array.isArray(json)) throw damage(`${path} is ${formatValue(json)}, not a list of images`)
      const images = new Map<string, ImageCounts>()
      json.forEach((image: Partial<ImageCounts> | null, i) => {
        const { name, tp, fp, fn } = image ?? {}
        if (typeof name !== 'string') {
          throw damage(`${path}[${i}].name is ${formatValue(name)}, not a string`)
        }
        if (images.has(name)) throw damage(`${path}[${i}].name is ${formatValue(name)}, a duplicate`)
        for (const [key, list] of Object.entries({ tp, fp, fn })) {
          if (!isCounts(list)) throw damage(`${key} of ${name} is not a list of ${numClasses} counts`)
        }
        images.set(name, copyOf({ name, tp: tp!, fp: fp!, fn: fn! }))
      })
      checkTotal(pixelCounts(images), path)
      return images
    },
  }
}

/** Returns all counts of all images. */
const pixelCounts = (images: ReadonlyMap<string, ImageCounts>): number[] =>
  [...images.values()].map(({ tp, fp, fn }) => sum(tp) + sum(fp) + sum(fn))

/** Returns the images by name, so that sums do not depend on the order of the updates. */
function sorted(images: ReadonlyMap<string, ImageCounts>): ImageCounts[] {
  return [...images.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

const copyOf = ({ name, tp, fp, fn }: ImageCounts): ImageCounts => ({
  name,
  tp: [...tp],
  fp: [...fp],
  fn: [...fn],
})

function checkNew(name: unknown, images: ReadonlyMap<string, ImageCounts>): void {
  if (typeof name !== 'string') {
    throw new InverseFormError('invalid-argument', 'An image has no name.', {
      hint: 'Pass a different name for each image, such as its file.',
    })
  }
  if (images.has(name)) {
    throw new InverseFormError('invalid-argument', `The image ${name} was already added.`, {
      hint: 'Add each image once. Include the folder in the name if images in several folders share file names.',
      details: { name },
    })
  }
}

const means = (scores: readonly ClassScores[]): { meanIou: number; meanDice: number } => ({
  meanIou: nanMean(scores.map(({ iou }) => iou)),
  meanDice: nanMean(scores.map(({ dice }) => dice)),
})

/** Sums the counts of each class over the images. */
function datasetCounts(images: readonly PerImageEntry[], numClasses: number): ClassCounts[] {
  const totals = Array.from({ length: numClasses }, () => ({ tp: 0, fp: 0, fn: 0, tn: 0 }))
  for (const { classes } of images) {
    for (const [c, { tp, fp, fn, tn }] of classes.entries()) {
      const total = totals[c]
      total.tp += tp
      total.fp += fp
      total.fn += fn
      total.tn += tn
    }
  }
  return totals
}
