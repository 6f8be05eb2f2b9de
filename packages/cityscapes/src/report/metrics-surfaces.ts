import type { Rgb } from '../labels.js'
import type { SurfaceScores } from '../metrics/boundary/index.js'
import { count, decimal, percent } from './format.js'
import { classHeads, dataTable } from './parts.js'

/** Distances by class and their means. */
export function surfaceHtml(
  surface: SurfaceScores,
  names: readonly string[],
  palette: readonly Rgb[],
): string {
  const columns = [
    ['Hausdorff', 'hausdorff'],
    ['HD95, greater direction', 'hd95MaxOfDirected'],
    ['HD95, pooled', 'hd95Pooled'],
    ['ASSD, mean of directions', 'assdMeanOfDirected'],
    ['ASSD, pooled', 'assdPooled'],
  ] as const
  const heads = classHeads(names, palette)
  return `<p class="soft">Distances in pixels between the outlines of each class in truth and prediction, means over the images that have the class in both. Surface Dice (NSD) is the share of the outlines within a tolerance of the other’s.</p>
${dataTable(
  'Surface distances by class',
  [
    'class',
    ...columns.map(([name]) => name),
    ...surface.tolerances.map((tolerance) => `NSD, ${tolerance}\u00a0px, %`),
    'images',
    'missed',
    'spurious',
  ],
  surface.classes.map((scores, c) => [
    heads[c]!,
    ...columns.map(([, key]) => decimal(scores[key])),
    ...scores.surfaceDice.map((dice) => percent(dice)),
    count(scores.both),
    count(scores.missed),
    count(scores.spurious),
  ]),
  [
    [
      'mean, total',
      ...columns.map(([, key]) => decimal(surface[key])),
      ...surface.meanSurfaceDice.map((dice) => percent(dice)),
      count(surface.classes.reduce((total, { both }) => total + both, 0)),
      count(surface.missed),
      count(surface.spurious),
    ],
  ],
)}`
}
