import { sum } from '@inverseform/shared'
import { mapLabels } from './instances.js'
import { pythonFixed } from './python-numbers.js'
import type { PixelLevelScores } from './scores.js'

const LINE = '--------------------------------'

interface Row {
  readonly name: string
  readonly iou: number
  readonly instanceIou: number
}

const pair = ({ iou, instanceIou }: Row): string =>
  `${pythonFixed(iou, 3, 5)}    ${pythonFixed(instanceIou, 3, 5)}`

const table = (title: string, rows: readonly Row[], average: Row): string =>
  [
    `${title.padEnd(17)}IoU      nIoU`,
    LINE,
    ...rows.map((row) => `${row.name.padEnd(14)}: ${pair(row)}`),
    LINE,
    `${average.name} : ${pair(average)}`,
    LINE,
    '',
  ].join('\n')

/**
 * Returns the tables of class and category scores that the official script prints, without colors. They
 * have fractions with three digits, `nan` for undefined scores, and nIoU for the paper's iIoU.
 */
export function officialTables(scores: PixelLevelScores): string {
  const name = 'Score Average'
  const classes = table(
    'classes',
    scores.labels.filter(({ id }) => !mapLabels[id].ignoreInEval),
    { name, iou: scores.meanIou, instanceIou: scores.meanInstanceIou },
  )
  const categories = table(
    'categories',
    scores.categories.filter((category) => category.name !== 'void'),
    { name, iou: scores.meanCategoryIou, instanceIou: scores.meanCategoryInstanceIou },
  )
  return `${classes}\n\n${categories}`
}

/**
 * Returns the confusion matrix that the official script prints before its tables, as a terminal shows it. Each row (target)
 * has fractions of its sum, then the label's prior. Columns (prediction) have the first letters of their labels. Labels
 * that are not in the target have no row.
 */
export function officialMatrix({ labels, confusion }: PixelLevelScores): string {
  const line = ['-'.repeat(14), ...labels.map(() => '-'.repeat(6)), '-'.repeat(7)].join(' ')
  const header = [' '.repeat(13), ...labels.map(({ name }) => `  ${name[0]}  `), ' Prior'].join(' |')
  const rows = labels.flatMap(({ name, id, prior }) => {
    if (!(prior >= 1e-9)) return []
    const total = sum(confusion[id])
    const cells = confusion[id].map((count) => `${pythonFixed(count / total, 2, 5)}  `)
    return `${name.slice(0, 13).padStart(13)} |${cells.join('')}${pythonFixed(prior, 4, 6)}`
  })
  return [line, `${header} |`, line, ...rows, line, ''].join('\n')
}
