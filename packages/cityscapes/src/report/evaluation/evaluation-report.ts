import { classNames as cityscapesClassNames, palette as cityscapesPalette, type Rgb } from '../../labels.js'
import { type ConfusionMatrix, checkMatrix, type SegmentationScores } from '../../metrics/confusion.js'
import { partialHtml, type ReportPartial, type ReportSkipped, skippedTable } from '../early-end.js'
import { checkClassNames, checkReportOptions, count, escapeText, percent } from '../format.js'
import { anchored, imageArticles, type ReportImage, worstLinks } from '../images.js'
import { page, section } from '../page.js'
import {
  classHeads,
  confusionFigure,
  dataTable,
  factsTable,
  headline,
  percentage,
  type ReportFacts,
  scrollable,
  warningsHtml,
  withBar,
} from '../parts.js'
import { style } from '../style.js'

/** Two runs over the same pixels, such as a network without and with its edge head. */
export interface ReportComparison {
  readonly runs: readonly [ReportRun, ReportRun]
  /** Number of pixels with different predictions. */
  readonly differingPixels: number
  readonly pixels: number
}

export interface ReportRun {
  readonly name: string
  /** Fraction in 0..1. */
  readonly meanIou: number
}

export interface EvaluationReportOptions {
  readonly title: string
  readonly confusion: ConfusionMatrix
  /** Class names by train id; defaults to Cityscapes' classes. */
  readonly classNames?: readonly string[]
  /** Class colors by train id; defaults to Cityscapes' palette. */
  readonly palette?: readonly Rgb[]
  /** What was evaluated and how, in order: model, checkpoint, data set, options. */
  readonly facts?: ReportFacts
  readonly images?: readonly ReportImage[]
  readonly comparison?: ReportComparison
  /** How far the evaluation got, if it ended early. */
  readonly partial?: ReportPartial
  /** Images that could not be scored. */
  readonly skipped?: readonly ReportSkipped[]
}

/**
 * Renders an evaluation as one static HTML page: scores, facts, classes, confusion matrix and the panels of each image.
 * Without counted pixels, it omits scores, classes and matrix. The page loads only the images of its panels, has no
 * scripts, and follows the reader's light or dark color scheme.
 *
 * @throws InverseFormError `size-mismatch` without one name per class; `invalid-argument` for a panel URL that is not
 *   relative
 */
export function evaluationReportHtml(options: EvaluationReportOptions): string {
  checkReportOptions(options)
  const {
    title,
    confusion,
    classNames = cityscapesClassNames,
    palette = cityscapesPalette,
    facts = [],
    images = [],
    comparison,
    partial,
    skipped = [],
  } = options
  checkMatrix('confusion', confusion)
  checkClassNames(classNames, confusion.numClasses)
  const scores = confusion.compute()
  const pictures = anchored(images)
  // Without targets there are no scores: the page then has only the run and its images.
  const scored = scores.pixels > 0
  return page({
    title,
    style,
    intro:
      partialHtml(partial) +
      (scored ? headline(mainScores(scores)) : '<p>No pixel was scored.</p>') +
      warningsHtml(scores.warnings),
    sections: [
      comparison && section('comparison', 'Comparison', comparisonTable(comparison)),
      facts.length > 0 && section('run', 'Run', factsTable(facts)),
      skipped.length > 0 && section('skipped', 'Skipped images', skippedTable(skipped)),
      scored && section('classes', 'Classes', classesTable(scores, classNames, palette)),
      scored && section('confusion', 'Confusion', confusionFigure(confusion, classNames)),
      images.length > 0 && section('images', 'Images', worstLinks(pictures) + imageArticles(pictures)),
    ],
  })
}

const points = (fraction: number): string =>
  `${fraction > 0 ? '+' : fraction < 0 ? '−' : ''}${percent(Math.abs(fraction))}`

function mainScores(scores: SegmentationScores): [name: string, value: string][] {
  const { meanIou, seen, classes, accuracy, pixels, meanClassAccuracy, frequencyWeightedIou } = scores
  return [
    [`mean IoU, ${seen} of ${classes.length} classes`, percentage(meanIou)],
    ['pixel accuracy', percentage(accuracy)],
    ['mean class accuracy', percentage(meanClassAccuracy)],
    ['frequency-weighted IoU', percentage(frequencyWeightedIou)],
    ['pixels counted', count(pixels)],
  ]
}

function comparisonTable({ runs, differingPixels, pixels }: ReportComparison): string {
  const rows = runs.map(
    ({ name, meanIou }) =>
      `<tr><th scope="row">${escapeText(name)}</th><td class="left">${withBar(meanIou)}</td></tr>`,
  )
  const [first, second] = runs
  return `${scrollable(
    'Comparison of two runs',
    `<table><thead><tr><th scope="col">run</th><th scope="col" class="left">mean IoU, %</th></tr></thead><tbody>${rows.join('')}</tbody></table>`,
  )}
<p class="soft">${points(second.meanIou - first.meanIou)} points; ${count(differingPixels)} of ${count(pixels)} pixels differ (${percent(differingPixels / pixels, 3)} %).</p>`
}

function classesTable(scores: SegmentationScores, names: readonly string[], palette: readonly Rgb[]): string {
  const heads = classHeads(names, palette)
  return dataTable(
    'Scores by class',
    ['class', 'id', 'IoU, %', 'precision, %', 'recall, %', 'TP', 'FP', 'FN'],
    scores.classes.map(({ iou, precision, recall, tp, fp, fn }, c) => [
      heads[c],
      c,
      withBar(iou),
      percent(precision),
      percent(recall),
      count(tp),
      count(fp),
      count(fn),
    ]),
  )
}
