import {
  type ConfusionMatrix,
  classTable,
  huggingFaceResults,
  mmsegResults,
  officialMatrix,
  officialTables,
  scoreSummary,
} from '@inverseform/cityscapes'
import { columns } from '../text/columns.js'
import { skippedText } from '../text/early-end.js'
import { warningLines } from '../text/warnings.js'
import type { MetricsReport } from './report.js'

/** Returns the confusion matrix as the official script prints it; undefined for other evaluations. */
export const matrixText = ({ official }: MetricsReport): string | undefined =>
  official && `${officialMatrix(official)}\n\n`

/**
 * Returns the scores as plain text, without {@link matrixText}: first as the official script or the preset's tool prints
 * them, then the others.
 */
export function metricsText(report: MetricsReport): string {
  const { official, confusion, preset, names, skipped } = report
  const first = official
    ? `${officialTables(official)}${warningLines(official.warnings, '--map-ids')}`
    : confusion && figures(confusion, preset, names)
  return [first, ...sections(report), skippedText(skipped)].filter((text) => text !== undefined).join('\n')
}

function figures(
  confusion: ConfusionMatrix,
  preset: MetricsReport['preset'],
  names: readonly string[],
): string {
  const scores = confusion.compute()
  const warnings = warningLines(scores.warnings, '--map-ids')
  if (preset === 'mmseg') return `${mmsegText(confusion, names)}${warnings}`
  if (preset === 'huggingface') return `${huggingFaceText(confusion)}${warnings}`
  return `${classTable(scores, { classNames: names })}\n${scoreSummary({ ...scores, warnings: [] })}${warnings}`
}

/** Returns the table and the summary line that mmsegmentation logs. */
function mmsegText(confusion: ConfusionMatrix, names: readonly string[]): string {
  const { summary, classes } = mmsegResults(confusion)
  const keys = Object.keys(classes)
  const rows = names.map((name, c) => [name, ...keys.map((key) => fixed(classes[key][c], 2))])
  const line = Object.entries(summary).map(([key, value]) => `${key}: ${fixed(value, 4)}`)
  return `${columns([['Class', ...keys], ...rows])}\n${line.join('  ')}\n`
}

/** Returns the dictionary that `compute` of Hugging Face's metric returns, one key per line. */
function huggingFaceText(confusion: ConfusionMatrix): string {
  return Object.entries(huggingFaceResults(confusion))
    .map(
      ([key, value]) =>
        `${key}: ${Array.isArray(value) ? `[${value.map(python).join(', ')}]` : python(value)}\n`,
    )
    .join('')
}

function sections({
  interval,
  boundaryF,
  boundaryIou,
  trimap,
  surface,
}: MetricsReport): (string | undefined)[] {
  return [
    interval &&
      `mean IoU ${score(interval.estimate)}, 95 % confidence interval ${score(interval.low)} to ${score(interval.high)} (${interval.samples} bootstrap samples of the images)\n`,
    boundaryF &&
      columns([
        ['boundary F', 'pixels', 'mean F', 'absent as 1', 'pooled F'],
        ...boundaryF.tolerances.map(({ tolerance, pixels, meanF, meanFAbsentAsPerfect, pooledMeanF }) => [
          tolerance < 1 ? `${tolerance} of the diagonal` : `${tolerance} pixels`,
          pixels.join(', '),
          ...[meanF, meanFAbsentAsPerfect, pooledMeanF].map(score),
        ]),
      ]),
    boundaryIou &&
      columns([
        ['boundary IoU', 'pixels', 'mean', 'mean over images'],
        ...boundaryIou.ratios.map(({ ratio, dilations, meanIou, meanImageIou }) => [
          `${ratio} of the diagonal`,
          dilations.join(', '),
          ...[meanIou, meanImageIou].map(score),
        ]),
      ]),
    trimap &&
      columns([
        ['trimap', 'mean IoU', 'accuracy'],
        ...trimap.bands.map(({ width, meanIou, accuracy }) => [
          `${width} ${width === 1 ? 'pixel' : 'pixels'}`,
          ...[meanIou, accuracy].map(score),
        ]),
      ]),
    surface &&
      columns([
        ['surface distances', 'pixels'],
        ['Hausdorff', score(surface.hausdorff)],
        ['95th percentile (the greater direction)', score(surface.hd95MaxOfDirected)],
        ['95th percentile (both directions)', score(surface.hd95Pooled)],
        ['average symmetric (mean of directions)', score(surface.assdMeanOfDirected)],
        ['average symmetric (both directions)', score(surface.assdPooled)],
        ...surface.meanSurfaceDice.map((dice, i) => [
          `surface Dice at ${surface.tolerances[i]}`,
          score(dice),
        ]),
      ]) + `classes in one map alone: ${surface.missed} missed, ${surface.spurious} spurious\n`,
  ]
}

/** Formats a number as Python does, with a lowercase `nan`. */
const python = (value: number): string => (Number.isNaN(value) ? 'nan' : String(value))
const fixed = (value: number, digits: number): string => (Number.isNaN(value) ? 'nan' : value.toFixed(digits))

/** Formats a fraction or a number of pixels as the official tables do. */
const score = (value: number): string => fixed(value, 3)
