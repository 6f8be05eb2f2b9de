import { checkArgument, checkOneOf, InverseFormError } from '@inverseform/errors'
import { nanMean } from '@inverseform/shared'
import { categories, classNames, labels } from '../labels.js'
import { davisTolerance, gatedScnnTolerances } from './boundary/boundary-f.js'
import { checkBeta } from './class-scores.js'
import { type ConfusionMatrix, checkMatrix } from './confusion.js'

/**
 * Options that reproduce the scores of other tools. Pass `matrix` to `ConfusionMatrix` (or any class with the same options)
 * and `boundary` to `BoundaryF`. The functions below turn a matrix into the results of a tool.
 */
export const presets = {
  /** Cityscapes by train ids; see {@link cityscapesResults}. */
  cityscapes: { matrix: { numClasses: 19, ignoreIndex: 255 } },
  /**
   * mmsegmentation's IoUMetric; see {@link mmsegResults}. Add the `numClasses` of the data set. For its
   * `reduce_zero_label` use `reduceZeroLabel`.
   */
  mmseg: { matrix: { ignoreIndex: 255 } },
  /**
   * Hugging Face's `evaluate.load('mean_iou')`; see {@link huggingFaceResults}. The tool has no defaults for either option.
   * For its `reduce_labels` use `reduceZeroLabel`. With another ignore index than 255 add `voidIndex: 255`: the tool then
   * counts what is predicted in void areas as false positives, as mmsegmentation does.
   */
  huggingFace: { matrix: { ignoreIndex: 255 } },
  /** DAVIS's boundary measure (`db_eval_boundary`) of an object, class 1, against the background. Read the F of class 1. */
  davis: { boundary: { tolerances: [davisTolerance], numClasses: 2, ignoreIndex: null } },
  /** Gated-SCNN's `train.py --evaluate`; the mean that it prints is `meanFAbsentAsPerfect`. */
  gscnn: { boundary: { tolerances: gatedScnnTolerances, numClasses: 19, ignoreIndex: 255 } },
} as const

/** The official evaluation's scores of classes and categories: IoU in 0..1, NaN for those in neither map. */
export interface CityscapesResults {
  readonly averageScoreClasses: number
  readonly averageScoreCategories: number
  /** By name. */
  readonly classScores: Readonly<Record<string, number>>
  readonly categoryScores: Readonly<Record<string, number>>
}

/**
 * Returns the official names and scores of the 19 classes and 7 categories from train ids. They equal those of the official
 * evaluation (`PixelLevelEvaluation`), which also scores instances.
 * Source: `evalPixelLevelSemanticLabeling.py` of cityscapesScripts.
 * @throws InverseFormError `invalid-argument` unless the matrix has 19 classes
 */
export function cityscapesResults(matrix: ConfusionMatrix): CityscapesResults {
  checkMatrix('matrix', matrix)
  if (matrix.numClasses !== classNames.length) {
    throw new InverseFormError(
      'invalid-argument',
      `\`matrix\` must have the 19 classes of Cityscapes, got ${matrix.numClasses} classes.`,
      { hint: 'Count train ids in a matrix with presets.cityscapes.matrix.' },
    )
  }
  const rows = matrix.rows()
  const categoryOf = classNames.map((name) => labels.find((label) => label.name === name)!.category)
  const categoryScores = categories.slice(1).map((category) => {
    let [tp, union] = [0, 0]
    for (const [t, row] of rows.entries()) {
      for (const [p, count] of [...row, matrix.missed[t]].entries()) {
        const [inTarget, isPredicted] = [categoryOf[t] === category, categoryOf[p] === category]
        if (inTarget && isPredicted) tp += count
        if (inTarget || isPredicted) union += count
      }
    }
    return [category, tp / union] as const
  })
  const classScores = matrix.compute().classes.map(({ iou }, c) => [classNames[c], iou] as const)
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
  /** `nan_to_num`: the number that replaces undefined scores in the table and the means. By default they are left out. */
  readonly nanToNum?: number
}

/** The results of mmsegmentation, in percent, rounded to 2 decimals. */
export interface MmsegResults {
  /**
   * What IoUMetric returns: `aAcc`, and depending on the metrics `mIoU`, `mAcc`, `mDice`, `mFscore`, `mPrecision`,
   * `mRecall`.
   */
  readonly summary: Readonly<Record<string, number>>
  /** The table that it logs: lists with one entry per class under `IoU`, `Acc`, `Dice`, `Fscore`, `Precision`, `Recall`. */
  readonly classes: Readonly<Record<string, readonly number[]>>
}

/**
 * Returns the results of mmsegmentation's IoUMetric. It computes the F-score from precision and recall, so the F-score of a
 * class without a hit is undefined instead of 0. It counts in float32, this function in doubles: above 16.8 million pixels
 * of a class the last decimal can differ.
 * Source: `mmseg/evaluation/metrics/iou_metric.py` of mmsegmentation 1.x.
 * @throws InverseFormError `invalid-argument` for an unknown metric, or a `beta` that is not above 0
 */
export function mmsegResults(
  matrix: ConfusionMatrix,
  { metrics = ['mIoU'], beta = 1, nanToNum }: MmsegOptions = {},
): MmsegResults {
  checkMatrix('matrix', matrix)
  checkBeta(beta)
  const { classes, accuracy } = matrix.compute()
  const precision = classes.map((scores) => scores.precision)
  const recall = classes.map((scores) => scores.recall)
  const columns: Record<(typeof metrics)[number], Record<string, number[]>> = {
    mIoU: { IoU: classes.map(({ iou }) => iou), Acc: recall },
    mDice: { Dice: classes.map(({ dice }) => dice), Acc: recall },
    mFscore: {
      Fscore: precision.map((p, c) => ((1 + beta ** 2) * p * recall[c]) / (beta ** 2 * p + recall[c])),
      Precision: precision,
      Recall: recall,
    },
  }
  const isList: boolean = Array.isArray(metrics)
  checkArgument('metrics', metrics, isList, 'a list')
  for (const metric of metrics) checkOneOf('metrics', metric, ['mIoU', 'mDice', 'mFscore'])
  const scores = Object.entries(
    Object.assign({}, ...metrics.map((metric) => columns[metric])) as typeof columns.mIoU,
  )
  const replaced = scores.map(([key, values]) => [key, nanTo(values, nanToNum)] as const)
  return {
    summary: {
      aAcc: percent(nanTo([accuracy], nanToNum)[0]),
      ...Object.fromEntries(replaced.map(([key, values]) => [`m${key}`, percent(nanMean(values))])),
    },
    classes: Object.fromEntries(replaced.map(([key, values]) => [key, values.map(percent)])),
  }
}

/** The results of Hugging Face's `mean_iou`: fractions in 0..1. */
export interface HuggingFaceResults {
  readonly mean_iou: number
  readonly mean_accuracy: number
  readonly overall_accuracy: number
  readonly per_category_iou: readonly number[]
  readonly per_category_accuracy: readonly number[]
}

/**
 * Returns the results of `mean_iou` of Hugging Face's evaluate. Its means always leave out undefined scores; `nan_to_num`
 * replaces them in the lists only, and replaces undefined means.
 * Source: `metrics/mean_iou/mean_iou.py` of evaluate.
 */
export function huggingFaceResults(
  matrix: ConfusionMatrix,
  { nanToNum }: { readonly nanToNum?: number } = {},
): HuggingFaceResults {
  checkMatrix('matrix', matrix)
  const { classes, meanIou, meanClassAccuracy, accuracy } = matrix.compute()
  const [mean_iou, mean_accuracy, overall_accuracy] = nanTo([meanIou, meanClassAccuracy, accuracy], nanToNum)
  return {
    mean_iou: mean_iou,
    mean_accuracy: mean_accuracy,
    overall_accuracy: overall_accuracy,
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

/** Converts a fraction to percent, rounded to 2 decimals as NumPy does: ties to even. */
function percent(fraction: number): number {
  const scaled = fraction * 100 * 100
  const below = Math.floor(scaled)
  const isTie = scaled - below === 0.5
  return (isTie ? below + (below % 2) : Math.round(scaled)) / 100
}
