import { join } from 'node:path'
import {
  type BootstrapInterval,
  type BoundaryFScores,
  type BoundaryIouScores,
  bootstrap,
  type ConfusionMatrix,
  confusionSvg,
  huggingFaceResults,
  metricsReportHtml,
  mmsegResults,
  officialResult,
  type PerImageSummary,
  type PixelLevelScores,
  type SurfaceScores,
  type TrimapIouScores,
} from '@inverseform/cityscapes'
import type { Metrics, PairToEvaluate } from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import type { PresetName, SelectionFlags } from '../metrics-selection.js'
import { type Counted, stateJson } from '../metrics-state.js'
import { type Facts, namesOfClasses, numberedClasses } from './evaluation-report.js'
import { writeOutput } from './files.js'
import { type IdKinds, paletteOf, writeWorstImages } from './metrics-pictures.js'

/** What there is to print and to write, computed once. */
export interface MetricsReport {
  readonly title: string
  readonly facts: Facts
  readonly preset?: PresetName
  readonly counted: Counted
  /** By class; none without a metric over classes. */
  readonly names: readonly string[]
  readonly official?: PixelLevelScores
  readonly confusion?: ConfusionMatrix
  readonly perImage?: PerImageSummary
  readonly interval?: BootstrapInterval
  readonly boundaryF?: BoundaryFScores
  readonly boundaryIou?: BoundaryIouScores
  readonly trimap?: TrimapIouScores
  readonly surface?: SurfaceScores
  /** The files of the images and how to read them, to make pictures of the worst. */
  readonly pairs: readonly PairToEvaluate[]
  readonly ids: IdKinds
  readonly worst: number
}

interface Circumstances {
  readonly flags: SelectionFlags & {
    readonly gt?: string
    readonly pred?: string
    readonly merge?: readonly string[]
    readonly worst?: number
  }
  readonly pairs: readonly PairToEvaluate[]
  readonly ids: IdKinds
  readonly seconds: number
}

export function reportOf(counted: Counted, circumstances: Circumstances): MetricsReport {
  const { flags, pairs, ids } = circumstances
  const { metrics, split, images } = counted
  const { confusion, boundaryF, boundaryIou, trimap, surface } = metrics
  const classes = (confusion ?? boundaryF ?? surface)?.classes ?? 0
  if (flags.preset !== undefined && confusion === undefined)
    throw new InverseFormError('invalid-dataset', 'The merged states have no scores by class for --preset.', {
      hint: 'Leave out --preset, or count each part with --bootstrap or --out too.',
    })
  return {
    title: split === undefined ? `${classes} classes` : `Cityscapes ${split}`,
    facts: factsOf(circumstances, images.length),
    preset: flags.preset,
    counted,
    names: split === undefined ? numberedClasses(classes) : namesOfClasses(classes),
    official: flags.preset === undefined ? metrics.official?.compute() : undefined,
    confusion,
    perImage: metrics.perImage?.compute(),
    interval: flags.bootstrap === undefined ? undefined : intervalOf(metrics, flags.bootstrap),
    boundaryF: boundaryF?.compute(),
    boundaryIou: boundaryIou?.compute(),
    trimap: trimap?.compute(),
    surface: surface?.compute(),
    pairs,
    ids,
    worst: flags.worst ?? 10,
  }
}

function intervalOf({ perImage }: Partial<Metrics>, samples: number | true): BootstrapInterval {
  if (perImage !== undefined)
    return bootstrap(perImage, undefined, { samples: samples === true ? undefined : samples })
  throw new InverseFormError('invalid-dataset', 'The merged states have no scores image by image.', {
    hint: 'Count each part with --bootstrap too.',
  })
}

function factsOf({ flags, seconds }: Circumstances, images: number): Facts {
  if (flags.merge !== undefined)
    return [
      ['merged', flags.merge.join(', ')],
      ['images', String(images)],
    ]
  return [
    ['truth', flags.gt ?? process.env.CITYSCAPES_DATASET ?? ''],
    ['predictions', flags.pred ?? process.env.CITYSCAPES_RESULTS ?? 'results of the data set'],
    ['images', String(images)],
    ['time', `${seconds.toFixed(1)} s`],
  ]
}

/** What `--json` prints and `results.json` holds. Scores are fractions in [0,1]; null where there is none. */
export function metricsJson(report: MetricsReport): string {
  const { facts, names, official, confusion, perImage, interval, preset } = report
  const { boundaryF, boundaryIou, trimap, surface } = report
  const scores = confusion?.compute()
  const results = {
    format: 'inverseform.metrics',
    version: 1,
    run: Object.fromEntries(facts),
    official: official && officialResult(official),
    names: names.length > 0 ? names : undefined,
    scores,
    mmseg: preset === 'mmseg' && confusion ? mmsegResults(confusion) : undefined,
    huggingFace: preset === 'huggingface' && confusion ? huggingFaceResults(confusion) : undefined,
    interval,
    perImage: perImage && {
      ...perImage,
      images: perImage.images.map(({ name, meanIou, accuracy }) => ({ name, meanIou, accuracy })),
    },
    boundaryF,
    boundaryIou,
    trimap,
    surface,
  }
  return `${JSON.stringify(results, null, 2)}\n`
}

/** What {@link writeMetricsReport} writes beside pictures; the first two alone where nothing was counted by class. */
export const reportFiles = ['results.json', 'state.json', 'confusion.svg', 'index.html'] as const

/**
 * Writes results, state, confusion matrix, pictures of the worst images and the page that shows it all.
 *
 * @returns the file to look at
 */
export async function writeMetricsReport(
  folder: string,
  report: MetricsReport,
  signal: AbortSignal,
): Promise<string> {
  const { confusion, names } = report
  const [results, state, matrix, page] = reportFiles.map((name) => join(folder, name))
  await writeOutput(results, metricsJson(report))
  await writeOutput(state, stateJson(report.counted))
  if (confusion === undefined) return results
  await writeOutput(matrix, confusionSvg(confusion, names))
  const images = await writeWorstImages(folder, report, signal)
  const palette = paletteOf(confusion.classes)
  await writeOutput(page, metricsReportHtml({ ...report, confusion, palette, images }))
  return page
}
