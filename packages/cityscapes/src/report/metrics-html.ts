import { InverseFormError } from '@inverseform/errors'
import { palette as cityscapesPalette, classNames, type Rgb } from '../labels.js'
import type { BootstrapInterval } from '../metrics/bootstrap.js'
import type {
  BoundaryFScores,
  BoundaryIouScores,
  SurfaceScores,
  TrimapIouScores,
} from '../metrics/boundary/index.js'
import type { CalibrationScores } from '../metrics/calibration.js'
import type { ConfusionMatrix } from '../metrics/confusion.js'
import type { PixelLevelScores } from '../metrics/official/scores.js'
import type { PerImageSummary } from '../metrics/per-image.js'
import { expectNames } from './format.js'
import { anchored, imageArticles, type ReportImage, worstLinks } from './images.js'
import { boundariesHtml, trimapHtml } from './metrics-boundaries.js'
import { calibrationHtml } from './metrics-calibration.js'
import { categoriesTable, scoresByClass } from './metrics-classes.js'
import { metricsHeadline } from './metrics-headline.js'
import { perImageHtml } from './metrics-images.js'
import { metricsStyle } from './metrics-style.js'
import { surfaceHtml } from './metrics-surfaces.js'
import { page, section } from './page.js'
import { confusionFigure, factsTable, type ReportFacts } from './parts.js'
import { style } from './style.js'

/** What {@link metricsReportHtml} shows: the matrix, and of the others those that are given. */
export interface MetricsReportOptions {
  readonly title: string
  /** What was evaluated and how, in order. */
  readonly facts?: ReportFacts
  /** Class names by class; Cityscapes' by default. */
  readonly names?: readonly string[]
  /** Class colours by class; Cityscapes' by default. */
  readonly palette?: readonly Rgb[]
  /** The official evaluation of the same images; its IoU then stands for the matrix's. Only for the 19 train ids. */
  readonly official?: PixelLevelScores
  /** Over the classes, train ids for Cityscapes. */
  readonly confusion: ConfusionMatrix
  readonly perImage?: PerImageSummary
  /** Of the mean IoU. */
  readonly interval?: BootstrapInterval
  readonly boundaryF?: BoundaryFScores
  readonly boundaryIou?: BoundaryIouScores
  readonly trimap?: TrimapIouScores
  readonly surface?: SurfaceScores
  readonly calibration?: CalibrationScores
  /** Pictures, such as those of the worst images. */
  readonly images?: readonly ReportImage[]
}

/**
 * The metrics of a set of predictions as one static HTML page: scores, classes, categories, confusion matrix,
 * boundaries, calibration, images and pictures, those that are given.
 * It needs nothing but the panels' pictures, has no scripts, and follows the reader's light or dark colour scheme.
 *
 * @throws InverseFormError `size-mismatch` when there is not one name a class, or scores are of other classes;
 *   `invalid-argument` for a panel whose URL is not relative
 */
export function metricsReportHtml(options: MetricsReportOptions): string {
  const {
    title,
    facts = [],
    names = classNames,
    palette = cityscapesPalette,
    official,
    confusion,
    perImage,
    boundaryF,
    boundaryIou,
    trimap,
    surface,
    calibration,
    images = [],
  } = options
  expectNames(names, confusion.classes)
  expectClasses(options)
  const scores = confusion.compute()
  const own = new Map(perImage?.images.map(({ name, meanIou }) => [name, meanIou]))
  const pictures = anchored(
    images.map((image) => ({ ...image, meanIou: image.meanIou ?? own.get(image.name) })),
  )
  const scored = scores.pixels > 0
  return page({
    title,
    style: style + metricsStyle,
    intro: scored ? metricsHeadline(options, scores) : '<p>No pixel was scored.</p>',
    sections: [
      facts.length > 0 && section('run', 'Run', factsTable(facts)),
      scored && section('classes', 'Classes', scoresByClass({ ...options, scores }, names, palette)),
      scored && official && section('categories', 'Categories', categoriesTable(official)),
      scored && section('confusion', 'Confusion', confusionFigure(confusion, names)),
      scored &&
        (boundaryF || boundaryIou) &&
        section('boundaries', 'Boundaries', boundariesHtml(options, names, palette)),
      scored && trimap && section('trimap', 'Near boundaries', trimapHtml(trimap)),
      scored && surface && section('surfaces', 'Surface distances', surfaceHtml(surface, names, palette)),
      scored && calibration && section('calibration', 'Calibration', calibrationHtml(calibration)),
      scored && perImage && section('per-image', 'Image by image', perImageHtml(perImage, names, pictures)),
      images.length > 0 &&
        section('images', 'Pictures', (perImage ? '' : worstLinks(pictures)) + imageArticles(pictures)),
    ],
  })
}

/** Throws `size-mismatch` unless all scores are of the matrix's classes. */
function expectClasses(options: MetricsReportOptions): void {
  const { confusion, official, perImage, boundaryF, boundaryIou, trimap, surface } = options
  const found = {
    'official evaluation': official && classNames.length,
    'per-image scores': perImage?.classes.length,
    'boundary F': boundaryF?.tolerances[0]?.classes.length,
    'Boundary IoU': boundaryIou?.ratios[0]?.classes.length,
    'trimap IoU': trimap?.bands[0]?.classes.length,
    'surface distances': surface?.classes.length,
  }
  for (const [name, classes] of Object.entries(found))
    if (classes !== undefined && classes !== confusion.classes)
      throw new InverseFormError(
        'size-mismatch',
        `There are ${classes} classes in the ${name} and ${confusion.classes} in the confusion matrix.`,
        { hint: 'Gather all metrics with the same options, from the same images.' },
      )
}
