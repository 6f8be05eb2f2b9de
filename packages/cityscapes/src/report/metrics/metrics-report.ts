import { InverseFormError } from '@inverseform/errors'
import { classNames as cityscapesClassNames, palette as cityscapesPalette, type Rgb } from '../../labels.js'
import type { BootstrapInterval } from '../../metrics/bootstrap.js'
import type { BoundaryFScores } from '../../metrics/boundary/boundary-f.js'
import type { BoundaryIouScores } from '../../metrics/boundary/boundary-iou.js'
import type { SurfaceScores } from '../../metrics/boundary/surface-distances.js'
import type { TrimapIouScores } from '../../metrics/boundary/trimap-iou.js'
import type { CalibrationScores } from '../../metrics/calibration.js'
import { type ConfusionMatrix, checkMatrix } from '../../metrics/confusion.js'
import type { PixelLevelScores } from '../../metrics/official/scores.js'
import type { PerImageSummary } from '../../metrics/per-image.js'
import { partialHtml, type ReportPartial, type ReportSkipped, skippedTable } from '../early-end.js'
import { checkClassNames, checkReportOptions } from '../format.js'
import { anchored, imageArticles, type ReportImage, worstLinks } from '../images.js'
import { page, section } from '../page.js'
import { confusionFigure, factsTable, type ReportFacts, warningsHtml } from '../parts.js'
import { style } from '../style.js'
import { boundariesHtml, surfaceHtml, trimapHtml } from './boundaries.js'
import { calibrationHtml } from './calibration.js'
import { categoriesTable, scoresByClass } from './classes.js'
import { metricsHeadline } from './headline.js'
import { perImageHtml } from './images.js'
import { metricsStyle } from './style.js'

/** Content of {@link metricsReportHtml}. Only the title and the confusion matrix are required. */
export interface MetricsReportOptions {
  readonly title: string
  /** What was evaluated and how, in order. */
  readonly facts?: ReportFacts
  /** Class names by train id; defaults to Cityscapes' classes. */
  readonly classNames?: readonly string[]
  /** Class colors by train id; defaults to Cityscapes' palette. */
  readonly palette?: readonly Rgb[]
  /** Official scores of the same images, for the 19 train ids. Their IoU replaces that of the matrix. */
  readonly official?: PixelLevelScores
  /** Confusion matrix of the classes; of train ids for Cityscapes. */
  readonly confusion: ConfusionMatrix
  readonly perImage?: PerImageSummary
  /** Bootstrap interval of the mean IoU. */
  readonly interval?: BootstrapInterval
  readonly boundaryF?: BoundaryFScores
  readonly boundaryIou?: BoundaryIouScores
  readonly trimap?: TrimapIouScores
  readonly surface?: SurfaceScores
  readonly calibration?: CalibrationScores
  /** Images with panels, such as the worst ones. */
  readonly images?: readonly ReportImage[]
  /** How far the evaluation got, if it ended early. */
  readonly partial?: ReportPartial
  /** Images that could not be scored. */
  readonly skipped?: readonly ReportSkipped[]
}

/**
 * Renders metrics as one static HTML page: scores, classes, categories, confusion matrix, boundaries, calibration and
 * images. Omits sections without data. The page loads only the images of its panels, has no scripts, and follows the
 * reader's light or dark color scheme.
 *
 * @throws InverseFormError `size-mismatch` without one name per class, or for scores with another number of classes;
 *   `invalid-argument` for a panel URL that is not relative
 */
export function metricsReportHtml(options: MetricsReportOptions): string {
  checkReportOptions(options)
  const {
    title,
    facts = [],
    classNames = cityscapesClassNames,
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
    partial,
    skipped = [],
  } = options
  checkMatrix('confusion', confusion)
  checkClassNames(classNames, confusion.numClasses)
  checkSameClasses(options)
  const scores = confusion.compute()
  const own = new Map(perImage?.images.map(({ name, meanIou }) => [name, meanIou]))
  const pictures = anchored(
    images.map((image) => ({ ...image, meanIou: image.meanIou ?? own.get(image.name) })),
  )
  const scored = scores.pixels > 0
  return page({
    title,
    style: style + metricsStyle,
    intro:
      partialHtml(partial) +
      (scored ? metricsHeadline(options, scores) : '<p>No pixel was scored.</p>') +
      warningsHtml((official ?? scores).warnings),
    sections: [
      facts.length > 0 && section('run', 'Run', factsTable(facts)),
      skipped.length > 0 && section('skipped', 'Skipped images', skippedTable(skipped)),
      scored && section('classes', 'Classes', scoresByClass({ ...options, scores }, classNames, palette)),
      scored && official && section('categories', 'Categories', categoriesTable(official)),
      scored && section('confusion', 'Confusion', confusionFigure(confusion, classNames)),
      scored &&
        (boundaryF || boundaryIou) &&
        section('boundaries', 'Boundaries', boundariesHtml(options, classNames, palette)),
      scored && trimap && section('trimap', 'Near boundaries', trimapHtml(trimap)),
      scored &&
        surface &&
        section('surfaces', 'Surface distances', surfaceHtml(surface, classNames, palette)),
      scored && calibration && section('calibration', 'Calibration', calibrationHtml(calibration)),
      scored &&
        perImage &&
        section('per-image', 'Image by image', perImageHtml(perImage, classNames, pictures)),
      images.length > 0 &&
        section('images', 'Pictures', (perImage ? '' : worstLinks(pictures)) + imageArticles(pictures)),
    ],
  })
}

/** Throws `size-mismatch` unless all scores have the same number of classes as the matrix. */
function checkSameClasses(options: MetricsReportOptions): void {
  const { confusion, official, perImage, boundaryF, boundaryIou, trimap, surface } = options
  const found = {
    'official scores': official && cityscapesClassNames.length,
    'per-image scores': perImage?.classes.length,
    'boundary F scores': boundaryF?.tolerances[0]?.classes.length,
    'Boundary IoU scores': boundaryIou?.ratios[0]?.classes.length,
    'trimap IoU scores': trimap?.bands[0]?.classes.length,
    'surface distances': surface?.classes.length,
  }
  for (const [name, numClasses] of Object.entries(found)) {
    if (numClasses !== undefined && numClasses !== confusion.numClasses) {
      throw new InverseFormError(
        'size-mismatch',
        `The ${name} have ${numClasses} classes, the confusion matrix has ${confusion.numClasses}.`,
        { hint: 'Compute all metrics with the same options, from the same images.' },
      )
    }
  }
}
