import { classTable, type ReportComparison, scoreSummary } from '@inverseform/cityscapes'
import type { TotalSeconds } from '../../evaluation/evaluation.js'
import type { LossTerms } from '../../evaluation/validation-loss.js'
import { stagesText } from '../../event-log.js'
import { skippedText } from '../text/early-end.js'
import { warningLines } from '../text/warnings.js'
import type { EvaluationReport } from './report.js'

/** Returns the results as plain text: scores, validation loss, comparison, skipped images. */
export function evaluationText({ names, confusion, comparison, loss, skipped }: EvaluationReport): string {
  const scores = confusion.compute()
  const sections = [
    `${classTable(scores, { classNames: names })}\n${scoreSummary({ ...scores, warnings: [] })}${warningLines(scores.warnings)}`,
    loss && lossText(loss),
    comparison && comparisonText(comparison),
    skippedText(skipped),
  ]
  return sections.filter((section) => section !== undefined).join('\n')
}

/** Returns how long an evaluation took. Stages of several images may run at the same time. */
export const timeText = ({ total, ...stages }: TotalSeconds, workers: number): string =>
  `${total.toFixed(1)} s${workers === 1 ? '' : ` with ${workers} workers`}: ${stagesText(stages)}`

export function percent(fraction: number): string {
  return (100 * fraction).toFixed(2)
}

function lossText({ total, ...terms }: LossTerms): string {
  const lines = Object.entries({ 'validation loss': total, ...terms })
  return lines.map(([name, value]) => `${name.padEnd(22)}  ${value.toFixed(4)}\n`).join('')
}

function comparisonText({ runs, differingPixels, pixels }: ReportComparison): string {
  const lines = runs.map(({ name, meanIou }) => `mean IoU ${name.padEnd(22)} ${percent(meanIou)} %\n`)
  return `${lines.join('')}labels that differ: ${differingPixels} of ${pixels} pixels\n`
}
