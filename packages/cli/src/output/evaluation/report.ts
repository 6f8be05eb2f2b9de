import { join } from 'node:path'
import {
  confusionSvg,
  evaluationReportHtml,
  type ReportComparison,
  type ReportFacts,
  type ReportImage,
  type ReportPartial,
  type Rgb,
} from '@inverseform/cityscapes'
import { writeWholeFile } from '@inverseform/shared/node'
import type { Evaluation, ScoredImage, TotalSeconds } from '../../evaluation/evaluation.js'
import type { LossTerms } from '../../evaluation/validation-loss.js'
import type { SkippedImage } from '../../on-error.js'
import { jsonText } from '../../printer.js'
import { paletteOf } from '../palettes.js'

/** The files of a report beside its pictures. */
export const reportFiles = ['results.json', 'confusion.svg', 'index.html'] as const

/** The results of an evaluation, to print and to write. */
export interface EvaluationReport {
  readonly title: string
  /** The names of the classes. */
  readonly names: readonly string[]
  /** The colors of the classes, if the data set has some of its own. */
  readonly palette?: readonly Rgb[]
  /** What was evaluated and how, in the order in which it is shown. */
  readonly facts: ReportFacts
  readonly confusion: Evaluation['confusion']
  readonly scored: readonly Omit<ScoredImage, 'stem'>[]
  readonly seconds: TotalSeconds
  readonly comparison?: ReportComparison
  readonly loss?: LossTerms
  readonly images: readonly ReportImage[]
  readonly skipped: readonly SkippedImage[]
  /** How far the evaluation got, if it ended early. */
  readonly partial?: ReportPartial
}

/** Returns the results as `--json` prints them and `results.json` holds them. Scores are fractions in [0,1], or null. */
export function resultsJson({
  facts,
  names,
  confusion,
  scored,
  seconds,
  comparison,
  loss,
  skipped,
  partial,
}: EvaluationReport): string {
  const { classes, ...summary } = confusion.compute()
  const results = {
    format: 'inverseform.evaluation',
    version: 1,
    partial,
    run: Object.fromEntries(facts),
    scores: { ...summary, classes: classes.map((scores, i) => ({ name: names[i], ...scores })) },
    comparison,
    loss,
    images: scored,
    skipped,
    confusion,
    seconds,
  }
  return jsonText(results)
}

/** Writes `results.json`, `confusion.svg` and the page `index.html`. */
export async function writeReport(folder: string, report: EvaluationReport): Promise<void> {
  const {
    title,
    names,
    confusion,
    palette = paletteOf(confusion.numClasses),
    facts,
    comparison,
    images,
    skipped,
    partial,
  } = report
  const [results, matrix, page] = reportFiles.map((name) => join(folder, name))
  await writeWholeFile(results, resultsJson(report))
  await writeWholeFile(matrix, confusionSvg(confusion, names))
  await writeWholeFile(
    page,
    evaluationReportHtml({
      title,
      confusion,
      classNames: names,
      palette,
      facts,
      images,
      comparison,
      skipped,
      partial,
    }),
  )
}
