import type { CalibrationScores } from '../../metrics/calibration.js'
import { count, percent } from '../format.js'
import { besideTable, dataTable } from '../parts.js'
import { lineChart, ticks } from './chart.js'

/** The calibration errors and the reliability diagram with its table. */
export function calibrationHtml({ ece, mce, accuracy, confidence, bins, pixels }: CalibrationScores): string {
  if (pixels === 0) return '<p>No pixel has a confidence.</p>'
  const filled = bins.filter((bin) => bin.count > 0)
  const scale = { ticks: ticks(0, 1, 0.01), text: (value: number) => percent(value, 0) }
  const diagram = lineChart({
    label: 'Reliability diagram: accuracy by confidence, against the line where they agree',
    x: { ...scale, label: 'mean confidence, %' },
    y: { ...scale, label: 'accuracy, %' },
    points: filled.map((bin) => ({
      x: bin.confidence,
      y: bin.accuracy,
      title: `confidence ${percent(bin.confidence)} %: ${percent(bin.accuracy)} % right of ${count(bin.count)} pixels`,
    })),
    diagonal: true,
  })
  const table = dataTable(
    'Accuracy by confidence',
    ['confidence, %', 'mean, %', 'accuracy, %', 'pixels'],
    filled.map((bin) => [
      `${percent(bin.low, 1)}–${percent(bin.high, 1)}`,
      percent(bin.confidence),
      percent(bin.accuracy),
      count(bin.count),
    ]),
  )
  return `<p>Expected calibration error ${percent(ece)} %, maximum calibration error ${percent(mce)} %. The mean confidence is ${percent(confidence)} % and the accuracy ${percent(accuracy)} %. Points below the diagonal are overconfident.</p>
${besideTable(diagram, table)}`
}
