import { nanMean } from '@inverseform/shared'
import { type Rgb, trainIdToLabelId } from '../../labels.js'
import type { BoundaryFScores } from '../../metrics/boundary/boundary-f.js'
import type { BoundaryIouScores } from '../../metrics/boundary/boundary-iou.js'
import type { SegmentationScores } from '../../metrics/confusion.js'
import type { PixelLevelScores } from '../../metrics/official/scores.js'
import type { PerImageSummary } from '../../metrics/per-image.js'
import { count, percent } from '../format.js'
import { classHeads, dataTable, withBar } from '../parts.js'
import { strictestF, strictestIou } from './boundaries.js'

/** The scores in the table of classes. */
export interface ScoresByClass {
  readonly scores: SegmentationScores
  readonly official?: PixelLevelScores
  readonly boundaryF?: BoundaryFScores
  readonly boundaryIou?: BoundaryIouScores
  readonly perImage?: PerImageSummary
}

/** Fractions by class, under their name. */
interface Column {
  readonly name: string
  readonly values: readonly number[]
  readonly bars?: boolean
}

/** Whether official scores have iIoU, which needs instance ids. */
export const hasInstances = ({ meanInstanceIou }: PixelLevelScores): boolean => !Number.isNaN(meanInstanceIou)

/** Table of the scores of each class by all given metrics, with means. */
export function scoresByClass(
  { scores: { classes, pixels }, official, boundaryF, boundaryIou, perImage }: ScoresByClass,
  names: readonly string[],
  palette: readonly Rgb[],
): string {
  const labels = official && classes.map((_, c) => official.labels[trainIdToLabelId[c]])
  const columns: Column[] = [
    { name: 'IoU', values: (labels ?? classes).map(({ iou }) => iou), bars: true },
    ...(labels && hasInstances(official)
      ? [{ name: 'iIoU', values: labels.map(({ instanceIou }) => instanceIou), bars: true }]
      : []),
    ...[strictestF(boundaryF), strictestIou(boundaryIou)].filter((column) => column !== undefined),
    { name: 'precision', values: classes.map(({ precision }) => precision) },
    { name: 'recall', values: classes.map(({ recall }) => recall) },
    ...(perImage ? [{ name: 'IoU by image', values: perImage.classes.map(({ iou }) => iou) }] : []),
  ]
  const heads = classHeads(names, palette)
  return dataTable(
    'Scores by class',
    [
      'class',
      'id',
      ...columns.map(({ name }) => `${name}, %`),
      'FP, % of pixels',
      'FN, % of pixels',
      'pixels in target',
    ],
    classes.map(({ tp, fp, fn }, c) => [
      heads[c],
      c,
      ...columns.map(({ values, bars }) => (bars ? withBar : percent)(values[c])),
      percent(fp / pixels),
      percent(fn / pixels),
      count(tp + fn),
    ]),
    [
      [
        'mean',
        '',
        ...columns.map(({ values, bars }) => (bars ? withBar : percent)(nanMean(values))),
        '',
        '',
        '',
      ],
    ],
  )
}

/** Table of the official categories without void, with means. */
export function categoriesTable(official: PixelLevelScores): string {
  const instances = hasInstances(official)
  const row = (name: string, iou: number, instanceIou: number): string[] => [
    name,
    withBar(iou),
    ...(instances ? [withBar(instanceIou)] : []),
  ]
  return dataTable(
    'Scores by category',
    ['category', 'IoU, %', ...(instances ? ['iIoU, %'] : [])],
    official.categories
      .filter(({ name }) => name !== 'void')
      .map(({ name, iou, instanceIou }) => row(name, iou, instanceIou)),
    [row('mean', official.meanCategoryIou, official.meanCategoryInstanceIou)],
  )
}
