import type { BootstrapInterval } from '../metrics/bootstrap.js'
import type { BoundaryFScores, BoundaryIouScores } from '../metrics/boundary/index.js'
import { nanMean } from '../metrics/class-scores.js'
import type { SegmentationScores } from '../metrics/confusion.js'
import type { PixelLevelScores } from '../metrics/official/scores.js'
import { count, percent } from './format.js'
import { strictestF, strictestIou } from './metrics-boundaries.js'
import { hasInstances } from './metrics-classes.js'
import { headline, percentage } from './parts.js'

/** The scores besides the matrix's that the headline has. */
export interface HeadlineScores {
  readonly official?: PixelLevelScores
  readonly interval?: BootstrapInterval
  readonly boundaryF?: BoundaryFScores
  readonly boundaryIou?: BoundaryIouScores
}

type Entry = readonly [name: string, value: string]

/** The official means, or the matrix's, the mean IoU first, then accuracy and boundaries. */
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
  `<p class="soft note">In brackets the bootstrap interval of ${100 * confidence} % confidence of the mean IoU, from ${count(samples)} resamples of the images; its standard error is ${percent(standardError)} points.</p>`
