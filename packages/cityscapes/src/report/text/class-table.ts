import { classNames as cityscapesClassNames } from '../../labels.js'
import type { SegmentationScores } from '../../metrics/confusion.js'
import { warningsText } from '../../metrics/warnings.js'
import { checkClassNames, count, percent } from '../format.js'

const header = ['Id', 'label', 'IoU', 'TP', 'FP', 'FN', 'FP/TP', 'FN/TP', 'precision', 'recall']

const fixed = (value: number): string =>
  Number.isNaN(value) ? '–' : Number.isFinite(value) ? value.toFixed(2) : 'inf'

/**
 * Formats class scores as an aligned plain-text table, one line per class: IoU in percent; TP, FP and FN in percent of all
 * counted pixels; FP and FN as multiples of TP, as in the table of InverseForm and HMS; precision and recall as fractions.
 * The published code swaps FP and FN, and so precision and recall; here FP are pixels wrongly predicted as the class, FN
 * missed pixels of the class. A dash marks a class that does not occur.
 *
 * @throws InverseFormError `size-mismatch` without one name per class
 */
export function classTable(
  { classes, pixels }: SegmentationScores,
  { classNames = cityscapesClassNames }: { readonly classNames?: readonly string[] } = {},
): string {
  checkClassNames(classNames, classes.length)
  const lines = classes.map(({ iou, tp, fp, fn, precision, recall }, id) => [
    String(id),
    classNames[id],
    percent(iou),
    ...[tp, fp, fn].map((value) => percent(value / pixels)),
    fixed(fp / tp),
    fixed(fn / tp),
    fixed(precision),
    fixed(recall),
  ])
  const all = [header, ...lines]
  const widths = header.map((_, column) => Math.max(...all.map((line) => line[column].length)))
  const text = all.map((line) =>
    line
      .map((cell, column) => (column === 1 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  '),
  )
  text.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '))
  return `${text.join('\n')}\nIoU in %; TP, FP and FN in % of the counted pixels.\n`
}

/** Formats the scores over all classes as aligned lines of plain text, followed by their warnings. */
export function scoreSummary(scores: SegmentationScores): string {
  const { meanIou, accuracy, meanClassAccuracy, frequencyWeightedIou, seen, classes, pixels } = scores
  const lines = [
    ['mean IoU', `${percent(meanIou)} %  over ${seen} of ${classes.length} classes`],
    ['pixel accuracy', `${percent(accuracy)} %  of ${count(pixels)} pixels`],
    ['mean class accuracy', `${percent(meanClassAccuracy)} %`],
    ['frequency-weighted IoU', `${percent(frequencyWeightedIou)} %`],
  ]
    .map(([name, value]) => `${name.padEnd(22)}  ${value}\n`)
    .join('')
  return lines + warningsText(scores.warnings)
}
