import { classNames as cityscapesClassNames, palette as cityscapesPalette, type Rgb } from '../../labels.js'
import { checkClassNames, checkReportOptions, count, escapeText, percent } from '../format.js'
import { anchored, panelArticles, type ReportImage } from '../images.js'
import { type Curve, curveChart, ticks } from '../metrics/chart.js'
import { metricsStyle } from '../metrics/style.js'
import { page, section } from '../page.js'
import {
  classHeads,
  dataTable,
  factsTable,
  headline,
  percentage,
  type ReportFacts,
  withBar,
} from '../parts.js'
import { style } from '../style.js'
import { plainCurve, smoothedCurve, valueAxis } from './curves.js'

/** What a step of a training reported. */
export interface TrainingStepRecord {
  /** From 1. */
  readonly step: number
  readonly loss: number
  /** The loss's terms, before their factors. */
  readonly terms: Readonly<Record<string, number>>
  readonly learningRate: number
  readonly imagesPerSecond: number
}

/** What an evaluation during a training found. Scores are fractions in 0..1, NaN without data. */
export interface TrainingEvaluationRecord {
  /** The step after which the network was evaluated. */
  readonly step: number
  readonly meanIou: number
  /** Boundary F by tolerance in pixels. */
  readonly boundaryF: Readonly<Record<1 | 3 | 5, number>>
  /** By class; null for classes without pixels. */
  readonly classIou: readonly (number | null)[]
}

export interface TrainingReportOptions {
  readonly title: string
  /** In order of their steps. */
  readonly steps: readonly TrainingStepRecord[]
  /** In order of their steps. */
  readonly evaluations?: readonly TrainingEvaluationRecord[]
  /** Steps of the whole run. */
  readonly totalSteps?: number
  /** How the network is trained, in order: model, data set, options. */
  readonly facts?: ReportFacts
  /** Defaults to Cityscapes' classes for 19 classes, else to their ids. */
  readonly classNames?: readonly string[]
  /** Pictures of the latest evaluation. */
  readonly images?: readonly ReportImage[]
  /** Seconds after which browsers load the page again, while the run goes on. */
  readonly refresh?: number
}

/**
 * Renders a training as one static HTML page: curves of the loss, its terms, the learning rate and the evaluations, the scores
 * by class and pictures of the latest evaluation. The page loads only these pictures, has no scripts, follows the reader's light
 * or dark color scheme, and stays small for hundreds of thousands of steps.
 *
 * @throws InverseFormError `size-mismatch` without one name per class; `invalid-argument` for a panel URL that is not
 *   relative
 */
export function trainingReportHtml(options: TrainingReportOptions): string {
  checkReportOptions(options)
  const { title, steps, evaluations = [], facts = [], images = [], refresh } = options
  return page({
    title,
    style: style + metricsStyle + trainingStyle,
    refresh,
    intro: introduction(options),
    sections: [
      steps.length > 1 && section('loss', 'Loss', lossCharts(steps)),
      evaluations.length > 0 && section('evaluation', 'Evaluation', evaluationCharts(options, evaluations)),
      images.length > 0 && section('images', 'Images', panelArticles(anchored(images))),
      facts.length > 0 && section('run', 'Run', factsTable(facts)),
    ],
  })
}

/** Steps that a mean on the page is over, where there are as many. */
const MEAN_STEPS = 100
const shown = (steps: readonly TrainingStepRecord[]) => Math.min(MEAN_STEPS, steps.length)

function introduction({ steps, evaluations = [], totalSteps, refresh }: TrainingReportOptions): string {
  const last = steps.at(-1)
  if (last === undefined && evaluations.length === 0) return '<p>No step is done yet.</p>'
  const best = bestOf(evaluations)
  const entries: [string, string][] = []
  if (best) entries.push([`best mean IoU, step ${count(best.step)}`, percentage(best.meanIou)])
  if (last) {
    const of = totalSteps === undefined ? '' : ` <small>of ${count(totalSteps)}</small>`
    entries.push(
      [refresh === undefined ? 'steps done' : 'steps done, running', count(last.step) + of],
      [
        `loss, mean of ${shown(steps)} steps`,
        significant(mean(steps.slice(-MEAN_STEPS).map(({ loss }) => loss))),
      ],
      ['images per second', significant(mean(steps.slice(-MEAN_STEPS).map((step) => step.imagesPerSecond)))],
    )
  }
  return headline(entries)
}

function bestOf(evaluations: readonly TrainingEvaluationRecord[]): TrainingEvaluationRecord | undefined {
  return [...evaluations].sort((a, b) => b.meanIou - a.meanIou)[0]
}

function lossCharts(steps: readonly TrainingStepRecord[]): string {
  const places = steps.map(({ step }) => step)
  const x = stepAxis(places)
  const chart = (name: string, curve: Curve) => {
    if (curve.points.length < 2) return ''
    const label = `${name} over ${count(steps.length)} steps`
    const svg = curveChart({ label, x, y: valueAxis([curve]), curves: [curve] })
    return `<figure class="card"><figcaption>${escapeText(name)}</figcaption>${svg}</figure>`
  }
  const terms = [...new Set([...Object.keys(steps[0].terms), ...Object.keys(steps.at(-1)?.terms ?? {})])]
  const quantities: [string, (step: TrainingStepRecord) => number][] = [
    ['loss', ({ loss }) => loss],
    ...terms.map((term): [string, (step: TrainingStepRecord) => number] => [
      term,
      (step) => step.terms[term] ?? Number.NaN,
    ]),
  ]
  const charts = quantities.map(([name, value]) => chart(name, smoothedCurve(places, steps.map(value))))
  const rate = chart(
    'learning rate',
    plainCurve(
      places,
      steps.map(({ learningRate }) => learningRate),
    ),
  )
  const rows = quantities.map(([name, value]) => [
    escapeText(name),
    significant(value(steps.at(-1) as TrainingStepRecord)),
    significant(mean(steps.slice(-MEAN_STEPS).map(value))),
    significant(mean(steps.slice(0, MEAN_STEPS).map(value))),
  ])
  return `<p class="soft">Lines are smoothed; the areas behind them hold the raw values. Terms are shown before their factors.</p>
<div class="charts">${charts.join('')}${rate}</div>
${dataTable('Loss', ['quantity', 'last step', `last ${shown(steps)} steps`, `first ${shown(steps)} steps`], rows)}`
}

const lines = [
  ['mean IoU', 'line', ({ meanIou }) => meanIou],
  ['boundary F, 5 px', 'line second', ({ boundaryF }) => boundaryF[5]],
  ['boundary F, 3 px', 'line third', ({ boundaryF }) => boundaryF[3]],
  ['boundary F, 1 px', 'line fourth', ({ boundaryF }) => boundaryF[1]],
] as const satisfies [string, string, (record: TrainingEvaluationRecord) => number][]

function evaluationCharts(
  { classNames }: TrainingReportOptions,
  evaluations: readonly TrainingEvaluationRecord[],
): string {
  const latest = evaluations.at(-1) as TrainingEvaluationRecord
  const x = stepAxis(evaluations.map(({ step }) => step))
  const y = { label: '%', ticks: [0, 0.2, 0.4, 0.6, 0.8, 1], text: (value: number) => percent(value, 0) }
  const curves = lines.map(([, style, value]): Curve => {
    return { style, marks: true, points: evaluations.map((record) => [record.step, value(record)]) }
  })
  const legend = lines.map(([name, style]) => `<li><i class="key ${style}"></i>${name}</li>`)
  const best = bestOf(evaluations)
  const shown = [latest, ...(best && best !== latest ? [best] : [])]
  const table = dataTable(
    'Scores of evaluations',
    ['step', ...lines.map(([name]) => `${name}, %`)],
    shown.map((record) => [
      `${count(record.step)} (${record === latest ? 'latest' : ''}${latest === best ? ', ' : ''}${record === best ? 'best' : ''})`,
      ...lines.map(([, , value]) => percent(value(record))),
    ]),
  )
  const chart = curveChart({ label: 'Scores of evaluations by step', x, y, curves })
  return `<ul class="legend">${legend.join('')}</ul>
<div class="beside"><figure class="card">${chart}</figure>${classTable(latest, classNames)}</div>${table}`
}

function classTable({ classIou }: TrainingEvaluationRecord, given?: readonly string[]): string {
  const isCityscapes = classIou.length === cityscapesClassNames.length
  const names = given ?? (isCityscapes ? cityscapesClassNames : classIou.map((_, c) => `class ${c}`))
  checkClassNames(names, classIou.length)
  const palette: readonly Rgb[] = isCityscapes ? cityscapesPalette : []
  const heads = classHeads(names, palette)
  return dataTable(
    'Latest scores by class',
    ['class', 'latest IoU, %'],
    classIou.map((iou, c) => [heads[c], withBar(iou ?? Number.NaN)]),
  )
}

function stepAxis(steps: readonly number[]) {
  return { label: 'step', ticks: ticks(0, steps.at(-1) ?? 1, 1), text: count }
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

const significant = (value: number): string =>
  Number.isFinite(value) ? String(Number(value.toPrecision(4))) : '–'

/** What the page of a training adds to the report's style sheets. */
const trainingStyle = `
:root{--second:#b34a00;--third:#00735a;--fourth:#7a3fc4}
@media (prefers-color-scheme:dark){:root{--second:#ffab4a;--third:#4fd1a5;--fourth:#c79bff}}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,370px),1fr));gap:16px;margin-bottom:16px}
.charts figcaption{padding:8px 12px 0;color:var(--ink);font-weight:600;overflow-wrap:anywhere}
.chart .line path{fill:none}
.chart .line circle{stroke:none}
.chart .range{fill:var(--accent);opacity:.2}
.chart .second{stroke:var(--second);stroke-dasharray:8 3}
.chart .second circle{fill:var(--second)}
.chart .third{stroke:var(--third);stroke-dasharray:5 3}
.chart .third circle{fill:var(--third)}
.chart .fourth{stroke:var(--fourth);stroke-dasharray:2 3}
.chart .fourth circle{fill:var(--fourth)}
.key{display:inline-block;width:28px;margin-right:6px;border-top:3px solid var(--accent);vertical-align:4px}
.key.second{border-top:3px dashed var(--second)}
.key.third{border-top:3px dashed var(--third)}
.key.fourth{border-top:3px dotted var(--fourth)}
`
