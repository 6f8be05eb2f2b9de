import { InverseFormError } from '@inverseform/errors'
import { categories, classNames, labels } from '../labels.js'
import { davisTolerance, gatedScnnTolerances } from './boundary/boundary-f.js'
import { expectBeta, nanMean } from './class-scores.js'
import type { ConfusionMatrix } from './confusion.js'

/**
 * Options that reproduce the figures of other tools. `matrix` is for `ConfusionMatrix` (and whatever takes the same
 * options), `boundary` for `BoundaryF`; the functions beside turn a matrix into the tool's own result.
 */
export const presets = {
  /** Cityscapes by train ids; see {@link cityscapesResults}. */
  cityscapes: { matrix: { classes: 19, ignoreIndex: 255 } },
  /**
   * mmsegmentation's IoUMetric; see {@link mmsegResults}. Add the data set's number of `classes`. Its
   * `reduce_zero_label` is `reduceZeroLabel`.
   */
  mmseg: { matrix: { ignoreIndex: 255 } },
  /** Hugging Face's `evaluate.load('mean_iou')`; see {@link huggingFaceResults}. It has no default for either option. */
  huggingFace: { matrix: { ignoreIndex: 255 } },
  /** DAVIS's boundary measure (`db_eval_boundary`), of an object, class 1, against the background; read class 1's F. */
  davis: { boundary: { tolerances: [davisTolerance], classes: 2, ignoreIndex: null } },
  /** Gated-SCNN's `train.py --evaluate`; its printed mean is `meanFAbsentAsPerfect`. */
  gscnn: { boundary: { tolerances: gatedScnnTolerances, classes: 19, ignoreIndex: 255 } },
} as const

/** What the official Cityscapes evaluation writes of classes and categories: IoU in 0..1, NaN for what does not occur. */
export interface CityscapesResults {
  readonly averageScoreClasses: number
  readonly averageScoreCategories: number
  /** By name. */
  readonly classScores: Readonly<Record<string, number>>
  readonly categoryScores: Readonly<Record<string, number>>
}

/**
 * The official names and scores of the 19 classes and 7 categories, from train ids: those of the official evaluation
 * (`PixelLevelEvaluation`), which judges instances too.
 * Source: `evalPixelLevelSemanticLabeling.py` of cityscapesScripts.
 * @throws InverseFormError `invalid-argument` unless the matrix has 19 classes
 */
export function cityscapesResults(matrix: ConfusionMatrix): CityscapesResults {
  if (matrix.classes !== classNames.length)
    throw new InverseFormError(
      'invalid-argument',
      `Cityscapes has 19 classes, the matrix ${matrix.classes}.`,
      {
        hint: 'Count train ids in a matrix with presets.cityscapes.matrix.',
      },
    )
  const rows = matrix.rows()
  const categoryOf = classNames.map((name) => labels.find((label) => label.name === name)!.category)
  const categoryScores = categories.slice(1).map((category) => {
    let [tp, union] = [0, 0]
    for (const [t, row] of rows.entries())
      for (const [p, count] of [...row, matrix.missed[t]!].entries()) {
        const [isTrue, isPredicted] = [categoryOf[t] === category, categoryOf[p] === category]
        if (isTrue && isPredicted) tp += count
        if (isTrue || isPredicted) union += count
      }
    return [category, tp / union] as const
  })
  const classScores = matrix.compute().classes.map(({ iou }, c) => [classNames[c]!, iou] as const)
  return {
    averageScoreClasses: nanMean(classScores.map(([, iou]) => iou)),
    averageScoreCategories: nanMean(categoryScores.map(([, iou]) => iou)),
    classScores: Object.fromEntries(classScores),
    categoryScores: Object.fromEntries(categoryScores),
  }
}

export interface MmsegOptions {
  /** `iou_metrics`. Default `['mIoU']`. */
  readonly metrics?: readonly ('mIoU' | 'mDice' | 'mFscore')[]
  /** Above 0. Default 1. */
  readonly beta?: number
  /** `nan_to_num`: what stands for an undefined score, in the table and in the means. Default: they are left out. */
  readonly nanToNum?: number
}

/** mmsegmentation's results, in percent, rounded to 2 decimals. */
export interface MmsegResults {
  /**
   * What IoUMetric returns: `aAcc`, and by the metrics asked for `mIoU`, `mAcc`, `mDice`, `mFscore`, `mPrecision`,
   * `mRecall`.
   */
  readonly summary: Readonly<Record<string, number>>
  /** The table it logs: a list with an entry a class under `IoU`, `Acc`, `Dice`, `Fscore`, `Precision`, `Recall`. */
  readonly classes: Readonly<Record<string, readonly number[]>>
}

/**
 * The results of mmsegmentation's IoUMetric. Its F-score is made of precision and recall, so that it is undefined, not
 * 0, for a class without a hit. It counts in float32, here it is doubles: beyond 16.8 million pixels of a class its last
 * decimal may differ.
 * Source: `mmseg/evaluation/metrics/iou_metric.py` of mmsegmentation 1.x.
 * @throws InverseFormError `invalid-argument` for a metric that it has not, or a `beta` not above 0
 */
export function mmsegResults(
  matrix: ConfusionMatrix,
  { metrics = ['mIoU'], beta = 1, nanToNum }: MmsegOptions = {},
): MmsegResults {
  expectBeta(beta)
  const { classes, accuracy } = matrix.compute()
  const precision = classes.map((scores) => scores.precision)
  const recall = classes.map((scores) => scores.recall)
  const columns: Record<(typeof metrics)[number], Record<string, number[]>> = {
    mIoU: { IoU: classes.map(({ iou }) => iou), Acc: recall },
    mDice: { Dice: classes.map(({ dice }) => dice), Acc: recall },
    mFscore: {
      Fscore: precision.map((p, c) => ((1 + beta ** 2) * p * recall[c]!) / (beta ** 2 * p + recall[c]!)),
      Precision: precision,
      Recall: recall,
    },
  }
  const unknown = metrics.find((metric) => !Object.hasOwn(columns, metric))
  if (unknown !== undefined)
    throw new InverseFormError(
      'invalid-argument',
      `mmsegmentation has no metric ${JSON.stringify(unknown)}.`,
      {
        hint: 'Take mIoU, mDice or mFscore.',
      },
    )
  const scores = Object.entries(
    Object.assign({}, ...metrics.map((metric) => columns[metric])) as typeof columns.mIoU,
  )
  const replaced = scores.map(([key, values]) => [key, nanTo(values, nanToNum)] as const)
  return {
    summary: {
      aAcc: percent(nanTo([accuracy], nanToNum)[0]!),
      ...Object.fromEntries(replaced.map(([key, values]) => [`m${key}`, percent(nanMean(values))])),
    },
    classes: Object.fromEntries(replaced.map(([key, values]) => [key, values.map(percent)])),
  }
}

/** Hugging Face's results: fractions in 0..1. */
export interface HuggingFaceResults {
  readonly mean_iou: number
  readonly mean_accuracy: number
  readonly overall_accuracy: number
  readonly per_category_iou: readonly number[]
  readonly per_category_accuracy: readonly number[]
}

/**
 * The results of `mean_iou` of Hugging Face's evaluate. Undefined scores are left out of its means whatever
 * `nan_to_num` is, which stands for them in the lists only (and for means of nothing).
 * Source: `metrics/mean_iou/mean_iou.py` of evaluate.
 */
export function huggingFaceResults(
  matrix: ConfusionMatrix,
  { nanToNum }: { readonly nanToNum?: number } = {},
): HuggingFaceResults {
  const { classes, meanIou, meanClassAccuracy, accuracy } = matrix.compute()
  const [mean_iou, mean_accuracy, overall_accuracy] = nanTo([meanIou, meanClassAccuracy, accuracy], nanToNum)
  return {
    mean_iou: mean_iou!,
    mean_accuracy: mean_accuracy!,
    overall_accuracy: overall_accuracy!,
    per_category_iou: nanTo(
      classes.map(({ iou }) => iou),
      nanToNum,
    ),
    per_category_accuracy: nanTo(
      classes.map(({ recall }) => recall),
      nanToNum,
    ),
  }
}

const nanTo = (values: readonly number[], number = Number.NaN): number[] =>
  values.map((value) => (Number.isNaN(value) ? number : value))

/** As NumPy rounds to 2 decimals: ties to the even one. */
function percent(fraction: number): number {
  const scaled = fraction * 100 * 100
  const below = Math.floor(scaled)
  const isTie = scaled - below === 0.5
  return (isTie ? below + (below % 2) : Math.round(scaled)) / 100
}
