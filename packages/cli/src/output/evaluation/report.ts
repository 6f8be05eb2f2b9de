import { join } from 'node:path'
import {
  confusionSvg,
  evaluationReportHtml,
  type ReportComparison,
  type ReportFacts,
  type ReportImage,
  type Rgb,
} from '@inverseform/cityscapes'
import { writeWholeFile } from '@inverseform/shared/node'
import type { StageSeconds } from '../../evaluation/evaluate-images.js'
import type { Evaluation } from '../../evaluation/evaluation.js'
import type { LossTerms } from '../../evaluation/validation-loss.js'
import { jsonText } from '../../printer.js'
import { paletteOf } from '../palettes.js'

/** The results of an evaluation, to print and to write. */
export interface EvaluationReport {
  readonly title: string
  /** The names of the classes. */
  readonly names: readonly string[]
  /** The colors of the classes, if the data set has some of its own. */
  readonly palette?: readonly Rgb[]
  /** What was evaluated and how, in the order in which it is shown. */
  readonly facts: ReportFacts
  readonly evaluation: Pick<Evaluation, 'confusion' | 'images'>
  readonly seconds: TotalSeconds
  readonly comparison?: ReportComparison
  readonly loss?: LossTerms
  readonly images: readonly ReportImage[]
}

type TotalSeconds = StageSeconds & { readonly total: number }

/** Returns the results as `--json` prints them and `results.json` holds them. Scores are fractions in [0,1], or null. */
export function resultsJson({
  facts,
  names,
  evaluation: { confusion, images },
  seconds,
  comparison,
  loss,
}: Omit<EvaluationReport, 'title' | 'images'>): string {
  const { classes, ...summary } = confusion.compute()
  const results = {
    format: 'inverseform.evaluation',
    version: 1,
    run: Object.fromEntries(facts),
    scores: { ...summary, classes: classes.map((scores, i) => ({ name: names[i], ...scores })) },
    comparison,
    loss,
    images,
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
    palette = paletteOf(report.evaluation.confusion.numClasses),
    facts,
    evaluation,
    comparison,
    images,
  } = report
  const { confusion } = evaluation
  await writeWholeFile(join(folder, 'results.json'), resultsJson(report))
  await writeWholeFile(join(folder, 'confusion.svg'), confusionSvg(confusion, names))
  await writeWholeFile(
    join(folder, 'index.html'),
    evaluationReportHtml({
      title,
      confusion,
      classNames: names,
      palette,
      facts,
      images,
      comparison,
    }),
  )
}
