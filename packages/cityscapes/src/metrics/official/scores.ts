import { type Category, categories, type Label } from '../../labels.js'
import { type InstanceSums, instanceCategories, mapLabels } from './instances.js'

/** A label's scores: fractions in 0..1, NaN where the label is not evaluated or there is nothing to divide by. */
export interface LabelScores {
  readonly name: string
  /** Label id, 0..33. */
  readonly id: number
  /** tp / (tp + fp + fn), pixels whose truth is not evaluated left out of fp alone. */
  readonly iou: number
  /** iIoU: as {@link iou}, tp and fn weighted by average size / size of their instance. NaN without instances. */
  readonly instanceIou: number
  /** Share of all pixels that truly are of this label; NaN without pixels. */
  readonly prior: number
}

/** A category's scores, fractions in 0..1, NaN as in {@link LabelScores}. */
export interface CategoryScores {
  readonly name: Category
  /** As a label's, of the category's evaluated labels taken as one. */
  readonly iou: number
  /** NaN but for human and vehicle, whose labels all have instances. */
  readonly instanceIou: number
}

/** What the official evaluation of Cityscapes reports: fractions in 0..1, means over those that are not NaN. */
export interface PixelLevelScores {
  /** All 34 labels, by label id. */
  readonly labels: readonly LabelScores[]
  /** All 8 categories, by category id. */
  readonly categories: readonly CategoryScores[]
  /** Mean of the labels' IoU: the benchmark's "IoU class". */
  readonly meanIou: number
  /** Mean of the labels' iIoU: "iIoU class". */
  readonly meanInstanceIou: number
  /** Mean of the categories' IoU: "IoU category". */
  readonly meanCategoryIou: number
  /** Mean of the categories' iIoU: "iIoU category". */
  readonly meanCategoryInstanceIou: number
  /** 34 rows (truth) of 34 numbers of pixels (prediction), by label id. */
  readonly confusion: readonly (readonly number[])[]
}

const evaluated = mapLabels.filter(({ ignoreInEval }) => !ignoreInEval)
const idsOf = (some: readonly Label[]): number[] => some.map(({ id }) => id)
const allIds = idsOf(mapLabels)

// The sums' order is the script's, so that rounding is too.
const iou = (tp: number, fp: number, fn: number): number => tp / (tp + fp + fn)

function mean(values: readonly number[]): number {
  const valid = values.filter((value) => !Number.isNaN(value))
  return valid.reduce((total, value) => total + value, 0) / valid.length
}

/**
 * Scores from the 34 x 34 counts and the instances' weighted pixels, if any.
 * Source: getIouScoreForLabel, getInstanceIouScoreForLabel, their namesakes for categories, getPrior and
 * getScoreAverage of cityscapesscripts/evaluation/evalPixelLevelSemanticLabeling.py.
 */
export function pixelLevelScores(
  confusion: readonly (readonly number[])[],
  instances: InstanceSums | undefined,
): PixelLevelScores {
  const pixels = (rows: readonly number[], columns: readonly number[]): number => {
    let sum = 0
    for (const row of rows) for (const column of columns) sum += confusion[row]![column]!
    return sum
  }
  /** `own` are evaluated ids, none for what is not evaluated; `members` the ids whose prediction counts for instances. */
  const scores = (name: string, own: number[], others: number[], members: readonly number[]) => {
    const tp = pixels(own, own)
    const weighted = instances?.get(name)
    return {
      iou: iou(tp, pixels(others, own), pixels(own, allIds) - tp),
      // Weights have no meaning for pixels outside instances: false positives count as they are.
      instanceIou:
        weighted === undefined
          ? Number.NaN
          : iou(weighted.tp.value, pixels(others, members), weighted.fn.value),
    }
  }
  const total = pixels(allIds, allIds)
  const labels = mapLabels.map((label): LabelScores => {
    const { name, id } = label
    const own = label.ignoreInEval ? [] : [id]
    const others = idsOf(evaluated.filter((other) => other !== label))
    return { name, id, ...scores(name, own, others, own), prior: pixels([id], allIds) / total }
  })
  const groups = categories.map((name): CategoryScores => {
    const own = idsOf(evaluated.filter(({ category }) => category === name))
    const others = idsOf(evaluated.filter(({ category }) => category !== name))
    return { name, ...scores(name, own, others, instanceCategories.get(name) ?? []) }
  })
  return {
    labels,
    categories: groups,
    meanIou: mean(labels.map((label) => label.iou)),
    meanInstanceIou: mean(labels.map((label) => label.instanceIou)),
    meanCategoryIou: mean(groups.map((group) => group.iou)),
    meanCategoryInstanceIou: mean(groups.map((group) => group.instanceIou)),
    confusion,
  }
}
