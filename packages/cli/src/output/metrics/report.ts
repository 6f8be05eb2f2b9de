import {
  type BootstrapInterval,
  type BoundaryFScores,
  type BoundaryIouScores,
  bootstrap,
  type ConfusionMatrix,
  huggingFaceResults,
  mmsegResults,
  officialResult,
  type PerImageSummary,
  type PixelLevelScores,
  type ReportFacts,
  type ReportPartial,
  type Rgb,
  type SurfaceScores,
  type TrimapIouScores,
} from '@inverseform/cityscapes'
import type { Metrics } from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import { type Seconds, stagesText } from '../../event-log.js'
import type { PresetName, SelectionFlags } from '../../metrics/selection.js'
import type { Counted } from '../../metrics/state.js'
import type { SkippedImage } from '../../on-error.js'
import type { NamedClasses } from '../../options/class-names.js'
import { jsonText } from '../../printer.js'
import { namesOfClasses, numberedClasses } from '../class-names.js'

/** The results of `metrics`, computed once, to print and to write. */
export interface MetricsReport {
  readonly title: string
  /** What was scored and how, in the order in which it is shown. */
  readonly facts: ReportFacts
  readonly preset?: PresetName
  /** Class names; empty without a metric over classes. */
  readonly names: readonly string[]
  /** The colors of the classes, if the data set has some of its own. */
  readonly palette?: readonly Rgb[]
  readonly official?: PixelLevelScores
  readonly confusion?: ConfusionMatrix
  readonly perImage?: PerImageSummary
  readonly interval?: BootstrapInterval
  readonly boundaryF?: BoundaryFScores
  readonly boundaryIou?: BoundaryIouScores
  readonly trimap?: TrimapIouScores
  readonly surface?: SurfaceScores
  readonly skipped: readonly SkippedImage[]
  /** Seconds of each stage, summed over the images of this process, and the time that they took; undefined for merged states. */
  readonly seconds?: StagesAndTotal
  /** How far the evaluation got, if it ended early. */
  readonly partial?: ReportPartial
}

type StagesAndTotal = Seconds & { readonly total: number }

/** What a report says beside the results. */
interface ReportContext {
  readonly seconds?: StagesAndTotal
  readonly named?: NamedClasses
  readonly skipped: readonly SkippedImage[]
  readonly partial?: ReportPartial
}

interface ReportFlags extends SelectionFlags {
  readonly gt?: string
  readonly pred?: string
  readonly merge?: readonly string[]
}

/**
 * Computes the results of what was counted.
 * @throws InverseFormError `invalid-dataset` if merged states lack the counts that `--preset` or `--bootstrap` needs
 */
export function reportOf(
  { metrics, split, images }: Counted,
  flags: ReportFlags,
  { seconds, named, skipped, partial }: ReportContext,
): MetricsReport {
  const { confusion, boundaryF, boundaryIou, trimap, surface } = metrics
  const numClasses = (confusion ?? boundaryF ?? surface)?.numClasses ?? 0
  if (flags.preset !== undefined && confusion === undefined) {
    throw new InverseFormError(
      'invalid-dataset',
      `The merged states have no scores by class, which --preset ${flags.preset} needs.`,
      { hint: 'Omit --preset, or score each part again with --bootstrap or --out.' },
    )
  }
  return {
    title: split === undefined ? `${numClasses} classes` : `Cityscapes ${split}`,
    facts: factsOf(flags, images.length, seconds),
    preset: flags.preset,
    names: namesOf(numClasses, split, named),
    palette: named?.palette,
    official: flags.preset === undefined ? metrics.official?.compute() : undefined,
    confusion,
    perImage: metrics.perImage?.compute(),
    interval: flags.bootstrap === undefined ? undefined : intervalOf(metrics, flags.bootstrap),
    boundaryF: boundaryF?.compute(),
    boundaryIou: boundaryIou?.compute(),
    trimap: trimap?.compute(),
    surface: surface?.compute(),
    skipped,
    seconds,
    partial,
  }
}

/** @throws InverseFormError `invalid-argument` if there is not one name for each class */
function namesOf(numClasses: number, split: string | undefined, named: NamedClasses | undefined) {
  if (named === undefined) {
    return split === undefined ? numberedClasses(numClasses) : namesOfClasses(numClasses)
  }
  if (named.names.length === numClasses) return named.names
  throw new InverseFormError(
    'invalid-argument',
    `--class-names has ${named.names.length} names, but ${numClasses} classes were scored.`,
    { hint: 'Write one name for each class, in the order of their ids.' },
  )
}

function intervalOf({ perImage }: Partial<Metrics>, samples: number | true): BootstrapInterval {
  if (perImage !== undefined) {
    return bootstrap(perImage, undefined, { samples: samples === true ? undefined : samples })
  }
  throw new InverseFormError(
    'invalid-dataset',
    'The merged states have no scores by image, which --bootstrap needs.',
    { hint: 'Score each part again with --bootstrap.' },
  )
}

function factsOf(
  { gt, pred, merge }: ReportFlags,
  numImages: number,
  seconds: StagesAndTotal | undefined,
): ReportFacts {
  if (merge !== undefined) {
    return [
      ['merged', merge.join(', ')],
      ['images', String(numImages)],
    ]
  }
  return [
    ['truth', gt ?? process.env.CITYSCAPES_DATASET ?? ''],
    ['predictions', pred ?? process.env.CITYSCAPES_RESULTS ?? 'results of the data set'],
    ['images', String(numImages)],
    ...(seconds ? ([['time', timeText(seconds)]] as const) : []),
  ]
}

/** Lists the stages if this process has scored an image. */
const timeText = ({ total, ...stages }: StagesAndTotal): string =>
  `${total.toFixed(1)} s${Object.keys(stages).length > 0 ? `: ${stagesText(stages)}` : ''}`

/** Returns the results as `--json` prints them and `results.json` holds them. Scores are fractions in [0,1], or null. */
export function metricsJson(report: MetricsReport): string {
  const { facts, names, official, confusion, perImage, interval, preset } = report
  const { boundaryF, boundaryIou, trimap, surface, skipped, seconds, partial } = report
  const scores = confusion?.compute()
  const results = {
    format: 'inverseform.metrics',
    version: 1,
    partial,
    run: Object.fromEntries(facts),
    official: official && officialResult(official),
    warnings: (official ?? scores)?.warnings,
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
    skipped,
    seconds,
  }
  return jsonText(results)
}
