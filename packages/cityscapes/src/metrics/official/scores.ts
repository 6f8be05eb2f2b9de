import { nanMean } from '@inverseform/shared'
import { type Category, categories, type Label } from '../../labels.js'
import { idWarnings, type ScoreWarning } from '../warnings.js'
import { type InstanceSums, instanceCategories, mapLabels } from './instances.js'

/** The scores of a label: fractions in 0..1, NaN if the label is not evaluated or the denominator is 0. */
export interface LabelScores {
  readonly name: string
  /** Label id, 0..33. */
  readonly id: number
  /** tp / (tp + fp + fn); fp leaves out pixels whose target is not evaluated. */
  readonly iou: number
  /** iIoU: as {@link iou}, with tp and fn weighted by average size / size of their instance. NaN without instances. */
  readonly instanceIou: number
  /** Fraction of all pixels whose target is this label; NaN without pixels. */
  readonly prior: number
}

/** The scores of a category: fractions in 0..1, NaN as in {@link LabelScores}. */
export interface CategoryScores {
  readonly name: Category
  /** IoU of the category's evaluated labels taken as one label. */
  readonly iou: number
  /** NaN except for human and vehicle, whose labels all have instances. */
  readonly instanceIou: number
}

/** The scores of the official evaluation of Cityscapes: fractions in 0..1; means leave out NaN. */
export interface PixelLevelScores {
  /** All 34 labels, by label id. */
  readonly labels: readonly LabelScores[]
  /** All 8 categories, by category id. */
  readonly categories: readonly CategoryScores[]
  /** Mean IoU of the labels, the benchmark's "IoU class". */
  readonly meanIou: number
  /** Mean iIoU of the labels, "iIoU class". */
  readonly meanInstanceIou: number
  /** Mean IoU of the categories, "IoU category". */
  readonly meanCategoryIou: number
  /** Mean iIoU of the categories, "iIoU category". */
  readonly meanCategoryInstanceIou: number
  /** 34 rows (target) of 34 numbers of pixels (prediction), by label id. */
  readonly confusion: readonly (readonly number[])[]
  /** Why these scores say little; empty if there is no reason known. Show them beside the scores. */
  readonly warnings: readonly ScoreWarning[]
}

const evaluated = mapLabels.filter(({ ignoreInEval }) => !ignoreInEval)
const idsOf = (some: readonly Label[]): number[] => some.map(({ id }) => id)
const allIds = idsOf(mapLabels)
const evaluatedIds = idsOf(evaluated)
const otherIds = idsOf(mapLabels.filter(({ ignoreInEval }) => ignoreInEval))

// The order of the sum is the script's, so that rounding is the same.
const iou = (tp: number, fp: number, fn: number): number => tp / (tp + fp + fn)

/**
 * Computes the scores from the 34 x 34 counts and the weighted pixels of instances, null without instances.
 * Source: getIouScoreForLabel, getInstanceIouScoreForLabel, the same for categories, getPrior and
 * getScoreAverage of cityscapesscripts/evaluation/evalPixelLevelSemanticLabeling.py.
 */
export function pixelLevelScores(
  confusion: readonly (readonly number[])[],
  instances: InstanceSums | null,
): PixelLevelScores {
  const pixels = (rows: readonly number[], columns: readonly number[]): number => {
    let sum = 0
    for (const row of rows) for (const column of columns) sum += confusion[row][column]
    return sum
  }
  /** `own`: the evaluated ids, if any; `members`: the ids whose prediction is a hit of an instance. */
  const scores = (name: string, own: number[], others: number[], members: readonly number[]) => {
    const tp = pixels(own, own)
    const weighted = instances?.[name]
    return {
      iou: iou(tp, pixels(others, own), pixels(own, allIds) - tp),
      // Pixels outside instances have no weight: false positives count as they are.
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
    meanIou: nanMean(labels.map((label) => label.iou)),
    meanInstanceIou: nanMean(labels.map((label) => label.instanceIou)),
    meanCategoryIou: nanMean(groups.map((group) => group.iou)),
    meanCategoryInstanceIou: nanMean(groups.map((group) => group.instanceIou)),
    confusion,
    warnings: idWarnings({
      scored: pixels(evaluatedIds, allIds),
      ignored: pixels(otherIds, allIds),
      ignoredAs: 'a label that is not evaluated',
      unknown: new Map(otherIds.map((id) => [id, pixels(evaluatedIds, [id])])),
      idsAre: 'label ids',
    }),
  }
}
