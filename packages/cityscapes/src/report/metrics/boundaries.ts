import type { Rgb } from '../../labels.js'
import type { BoundaryFScores } from '../../metrics/boundary/boundary-f.js'
import type { BoundaryIouScores } from '../../metrics/boundary/boundary-iou.js'
import type { SurfaceScores } from '../../metrics/boundary/surface-distances.js'
import type { TrimapIouScores } from '../../metrics/boundary/trimap-iou.js'
import { count, decimal, percent } from '../format.js'
import { besideTable, classHeads, dataTable } from '../parts.js'
import { lineChart, ticks } from './chart.js'

/** A boundary score at one tolerance, by class. */
interface StrictestScore {
  readonly name: string
  readonly values: readonly number[]
}

/** A tolerance in pixels, on one line; a range for images of different sizes. */
const pixelsText = (pixels: readonly number[]): string =>
  pixels.length === 0 ? '–' : `${[...new Set([pixels[0], pixels.at(-1)])].join('–')}\u00a0px`

/** Rounds binary fractions: 0.1875 %, not 0.18749999999999997 %. */
const ofDiagonal = (ratio: number): string => `${Number((ratio * 100).toPrecision(6))} % of the diagonal`

const toleranceText = (tolerance: number): string =>
  tolerance < 1 ? ofDiagonal(tolerance) : `${tolerance} px`

const smallest = <T>(items: readonly T[] = [], size: (item: T) => number): T | undefined =>
  [...items].sort((a, b) => size(a) - size(b))[0]

/** Boundary F at the smallest tolerance. */
export function strictestF(scores: BoundaryFScores | undefined): StrictestScore | undefined {
  const strictest = smallest(scores?.tolerances, ({ pixels, tolerance }) => pixels[0] ?? tolerance)
  return (
    strictest && {
      name: `boundary F, ${pixelsText(strictest.pixels)}`,
      values: strictest.classes.map(({ f }) => f),
    }
  )
}

/** Boundary IoU at the smallest distance. */
export function strictestIou(scores: BoundaryIouScores | undefined): StrictestScore | undefined {
  const strictest = smallest(scores?.ratios, ({ ratio }) => ratio)
  return (
    strictest && {
      name: `Boundary IoU, ${pixelsText(strictest.dilations)}`,
      values: strictest.classes.map(({ iou }) => iou),
    }
  )
}

export interface BoundaryScores {
  readonly boundaryF?: BoundaryFScores
  readonly boundaryIou?: BoundaryIouScores
}

/** Boundary F by tolerance, Boundary IoU by ratio, and both by class. */
export function boundariesHtml(
  { boundaryF, boundaryIou }: BoundaryScores,
  names: readonly string[],
  palette: readonly Rgb[],
): string {
  const byClass = [
    ...(boundaryF?.tolerances ?? []).map(({ pixels, classes }) => ({
      name: `F, ${pixelsText(pixels)}`,
      values: classes.map(({ f }) => f),
    })),
    ...(boundaryIou?.ratios ?? []).map(({ dilations, classes }) => ({
      name: `IoU, ${pixelsText(dilations)}`,
      values: classes.map(({ iou }) => iou),
    })),
  ]
  const parts = [
    boundaryF && boundaryFHtml(boundaryF),
    boundaryIou && boundaryIouTable(boundaryIou),
    dataTable(
      'Boundary scores by class',
      ['class', ...byClass.map(({ name }) => `${name}, %`)],
      classHeads(names, palette).map((head, c) => [head, ...byClass.map(({ values }) => percent(values[c]))]),
    ),
  ]
  return parts.filter((part) => part !== undefined).join('\n')
}

function boundaryFHtml({ tolerances }: BoundaryFScores): string {
  const table = dataTable(
    'Boundary F by tolerance',
    ['tolerance', 'in pixels', 'mean F, %', 'absent classes as 1, %', 'pooled F, %'],
    tolerances.map(({ tolerance, pixels, meanF, meanFAbsentAsPerfect, pooledMeanF }) => [
      toleranceText(tolerance),
      pixelsText(pixels),
      percent(meanF),
      percent(meanFAbsentAsPerfect),
      percent(pooledMeanF),
    ]),
  )
  const points = tolerances
    .map(({ pixels, meanF }) => ({
      x: pixels.at(-1)!,
      y: meanF,
      title: `within ${pixelsText(pixels)}: ${percent(meanF)} %`,
    }))
    .sort((a, b) => a.x - b.x)
  return `<p class="soft">Boundary F: F score of the boundary pixels with a match within the tolerance. The mean is over images, then classes; pooled F counts the boundaries of all images together.</p>
${besideTable(curve('Mean boundary F by tolerance', 'tolerance, pixels', 'mean boundary F, %', points), table)}`
}

const boundaryIouTable = ({ ratios }: BoundaryIouScores): string =>
  `<p class="soft">Boundary IoU: the IoU of the pixels within a distance of the boundaries.</p>
${dataTable(
  'Boundary IoU by distance',
  ['distance', 'in pixels', 'mean IoU, %', 'mean of the images’ IoU, %'],
  ratios.map(({ ratio, dilations, meanIou, meanImageIou }) => [
    ofDiagonal(ratio),
    pixelsText(dilations),
    percent(meanIou),
    percent(meanImageIou),
  ]),
)}`

/** The trimap curve with its table. */
export function trimapHtml({ bands }: TrimapIouScores): string {
  const table = dataTable(
    'Scores by width of the band',
    ['within', 'mean IoU, %', 'pixel accuracy, %', 'pixels'],
    bands.map(({ width, meanIou, accuracy, pixels }) => [
      `${width} px`,
      percent(meanIou),
      percent(accuracy),
      count(pixels),
    ]),
  )
  const points = bands.map(({ width, meanIou }) => ({
    x: width,
    y: meanIou,
    title: `within ${width} px: ${percent(meanIou)} %`,
  }))
  return `<p class="soft">Scores of the pixels within a distance of the target boundaries, on both sides.</p>
${besideTable(curve('Mean IoU by width of the band around target boundaries', 'width of the band, pixels', 'mean IoU, %', points), table)}`
}

/** Line chart of fractions by pixels; undefined with fewer than two distinct positions. */
function curve(
  label: string,
  x: string,
  y: string,
  points: readonly { x: number; y: number; title: string }[],
): string | undefined {
  const seen = points.filter((point) => !Number.isNaN(point.y))
  if (new Set(seen.map((point) => point.x)).size < 2) return undefined
  const values = seen.map((point) => point.y)
  return lineChart({
    label,
    x: { label: x, ticks: ticks(0, Math.max(...seen.map((point) => point.x)), 1), text: String },
    y: {
      label: y,
      ticks: ticks(Math.min(...values), Math.max(...values), 0.01),
      text: (value) => percent(value, 0),
    },
    points,
  })
}

/** Table of surface distances by class, with means. */
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
  return `<p class="soft">Distances in pixels between the outlines of each class in target and prediction, averaged over the images with the class in both. Surface Dice (NSD) is the share of both outlines within a tolerance of each other.</p>
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
    heads[c],
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
