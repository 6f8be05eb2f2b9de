import { join } from 'node:path'
import {
  classNames,
  confusionSvg,
  type ReportComparison,
  type ReportImage,
  reportHtml,
} from '@inverseform/cityscapes'
import type { Evaluation, StageSeconds } from '../evaluation.js'
import type { LossTerms } from '../validation-loss.js'
import { writeOutput } from './files.js'

/** What was evaluated and how, in the order in which it is shown. */
export type Facts = readonly (readonly [name: string, value: string])[]

export interface EvaluationReport {
  readonly title: string
  readonly facts: Facts
  readonly evaluation: Evaluation
  readonly comparison?: ReportComparison
  readonly loss?: LossTerms
  readonly images: readonly ReportImage[]
}

/** How long an evaluation took; several devices are in the network at one time. */
export function timeText({ total, network }: StageSeconds, devices: number): string {
  const inNetwork = `${network.toFixed(1)} s`
  return `${total.toFixed(1)} s, ${devices === 1 ? `${inNetwork} of it in the network` : `in which ${devices} devices were in the network for ${inNetwork} in all`}`
}

/** The names of a model's classes: Cityscapes' where it has 19, else numbers. */
export function namesOfClasses(classes: number): readonly string[] {
  return classes === classNames.length ? classNames : numberedClasses(classes)
}

export const numberedClasses = (classes: number): string[] =>
  Array.from({ length: classes }, (_, i) => `class ${i}`)

/** What `--json` prints and `results.json` holds. Scores are fractions in [0,1]; null where there is none. */
export function resultsJson({
  facts,
  evaluation,
  comparison,
  loss,
}: Omit<EvaluationReport, 'title' | 'images'>): string {
  const { confusion, images, seconds } = evaluation
  const names = namesOfClasses(confusion.classes)
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

/** Writes `results.json`, `confusion.svg` and `index.html`, the page that shows it all. */
export async function writeReport(folder: string, report: EvaluationReport): Promise<void> {
  const { title, facts, evaluation, comparison, images } = report
  const { confusion } = evaluation
  const names = namesOfClasses(confusion.classes)
  await writeOutput(join(folder, 'results.json'), resultsJson(report))
  await writeOutput(join(folder, 'confusion.svg'), confusionSvg(confusion, names))
  await writeOutput(
    join(folder, 'index.html'),
    reportHtml({ title, confusion, names, facts, images, comparison }),
  )
}
