import { palette as cityscapesPalette, classNames, type Rgb } from '../labels.js'
import type { ConfusionMatrix, SegmentationScores } from '../metrics/confusion.js'
import { count, escapeText, expectNames, percent } from './format.js'
import { anchored, imageArticles, type ReportImage, worstLinks } from './images.js'
import { page, section } from './page.js'
import {
  classHeads,
  confusionFigure,
  dataTable,
  factsTable,
  headline,
  percentage,
  type ReportFacts,
  scrollable,
  withBar,
} from './parts.js'
import { style } from './style.js'

/** Two runs over the same pixels, such as a network without and with its edge head. */
export interface ReportComparison {
  readonly runs: readonly [ReportRun, ReportRun]
  /** Number of pixels whose prediction differs, of `pixels`. */
  readonly differingPixels: number
  readonly pixels: number
}

export interface ReportRun {
  readonly name: string
  /** Fraction in 0..1. */
  readonly meanIou: number
}

export interface ReportOptions {
  readonly title: string
  readonly confusion: ConfusionMatrix
  /** Class names by train id; Cityscapes' by default. */
  readonly names?: readonly string[]
  /** Class colours by train id; Cityscapes' by default. */
  readonly palette?: readonly Rgb[]
  /** What was evaluated and how, in order: model, checkpoint, data set, options. */
  readonly facts?: ReportFacts
  readonly images?: readonly ReportImage[]
  readonly comparison?: ReportComparison
}

/**
 * An evaluation as one static HTML page: scores, facts, classes, confusion matrix and, per image, panels side by side;
 * scores, classes and matrix only where pixels were counted.
 * It needs nothing but the panels' pictures, has no scripts, and follows the reader's light or dark colour scheme.
 *
 * @throws InverseFormError `size-mismatch` when there is not one name a class; `invalid-argument` for a panel whose
 *   URL is not relative
 */
export function reportHtml(options: ReportOptions): string {
  const {
    title,
    confusion,
    names = classNames,
    palette = cityscapesPalette,
    facts = [],
    images = [],
    comparison,
  } = options
  expectNames(names, confusion.classes)
  const scores = confusion.compute()
  const pictures = anchored(images)
  // Without truth there is nothing to score: the page then has the run and its pictures.
  const scored = scores.pixels > 0
  return page({
    title,
    style,
    intro: scored ? headline(mainScores(scores)) : '<p>No pixel was scored.</p>',
    sections: [
      comparison && section('comparison', 'Comparison', comparisonTable(comparison)),
      facts.length > 0 && section('run', 'Run', factsTable(facts)),
      scored && section('classes', 'Classes', classesTable(scores, names, palette)),
      scored && section('confusion', 'Confusion', confusionFigure(confusion, names)),
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
      heads[c]!,
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
