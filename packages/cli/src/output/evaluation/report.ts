import { join } from 'node:path'
import {
  confusionSvg,
  evaluationReportHtml,
  type ReportComparison,
  type ReportFacts,
  type ReportImage,
} from '@inverseform/cityscapes'
import { writeWholeFile } from '@inverseform/shared/node'
import type { StageSeconds } from '../../evaluation/evaluate-images.js'
import type { Evaluation } from '../../evaluation/evaluation.js'
import type { LossTerms } from '../../evaluation/validation-loss.js'
import { namesOfClasses } from '../class-names.js'

/** The results of an evaluation, to print and to write. */
export interface EvaluationReport {
  readonly title: string
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
  evaluation: { confusion, images },
  seconds,
  comparison,
  loss,
}: Omit<EvaluationReport, 'title' | 'images'>): string {
  const names = namesOfClasses(confusion.numClasses)
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
  return `${JSON.stringify(results, null, 2)}\n`
}

/** Writes `results.json`, `confusion.svg` and the page `index.html`. */
export async function writeReport(folder: string, report: EvaluationReport): Promise<void> {
  const { title, facts, evaluation, comparison, images } = report
  const { confusion } = evaluation
  const names = namesOfClasses(confusion.numClasses)
  await writeWholeFile(join(folder, 'results.json'), resultsJson(report))
  await writeWholeFile(join(folder, 'confusion.svg'), confusionSvg(confusion, names))
  await writeWholeFile(
    join(folder, 'index.html'),
    evaluationReportHtml({ title, confusion, classNames: names, facts, images, comparison }),
  )
}
