import { nanMean } from '@inverseform/shared'
import type { BootstrapInterval } from '../../metrics/bootstrap.js'
import type { BoundaryFScores } from '../../metrics/boundary/boundary-f.js'
import type { BoundaryIouScores } from '../../metrics/boundary/boundary-iou.js'
import type { SegmentationScores } from '../../metrics/confusion.js'
import type { PixelLevelScores } from '../../metrics/official/scores.js'
import { count, percent } from '../format.js'
import { headline, percentage } from '../parts.js'
import { strictestF, strictestIou } from './boundaries.js'
import { hasInstances } from './classes.js'

/** The scores of the headline besides those of the matrix. */
export interface HeadlineScores {
  readonly official?: PixelLevelScores
  readonly interval?: BootstrapInterval
  readonly boundaryF?: BoundaryFScores
  readonly boundaryIou?: BoundaryIouScores
}

type Entry = readonly [name: string, value: string]

/** The mean scores, official if given: mean IoU first, then accuracy and boundaries. */
export function metricsHeadline(
  { official, interval, boundaryF, boundaryIou }: HeadlineScores,
  scores: SegmentationScores,
): string {
  const range = interval ? ` <small>(${percent(interval.low)} to ${percent(interval.high)})</small>` : ''
  const boundaries = [strictestF(boundaryF), strictestIou(boundaryIou)].filter((score) => score !== undefined)
  const entries = [
    ...(official ? officialMeans(official, range) : matrixMeans(scores, range)),
    ['pixel accuracy', percentage(scores.accuracy)],
    ...boundaries.map(({ name, values }): Entry => [`mean ${name}`, percentage(nanMean(values))]),
    ['pixels counted', count(scores.pixels)],
  ] satisfies readonly Entry[]
  return headline(entries) + (interval ? `\n${intervalNote(interval)}` : '')
}

function officialMeans(official: PixelLevelScores, range: string): Entry[] {
  const means: Entry[] = [
    ['official mean IoU of classes', percentage(official.meanIou) + range],
    ['mean IoU of categories', percentage(official.meanCategoryIou)],
  ]
  if (!hasInstances(official)) return means
  return [
    ...means,
    ['mean iIoU of classes', percentage(official.meanInstanceIou)],
    ['mean iIoU of categories', percentage(official.meanCategoryInstanceIou)],
  ]
}

const matrixMeans = (scores: SegmentationScores, range: string): Entry[] => [
  [`mean IoU, ${scores.seen} of ${scores.classes.length} classes`, percentage(scores.meanIou) + range],
  ['mean class accuracy', percentage(scores.meanClassAccuracy)],
  ['frequency-weighted IoU', percentage(scores.frequencyWeightedIou)],
]

const intervalNote = ({ samples, standardError, confidence }: BootstrapInterval): string =>
  `<p class="soft note">In parentheses: the ${100 * confidence} % bootstrap confidence interval of the mean IoU, from ${count(samples)} resamples of the images. Its standard error is ${percent(standardError)} points.</p>`
