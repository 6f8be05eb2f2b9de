import type { ReportImage, ReportPartial } from '@inverseform/cityscapes'
import type { Evaluation, PicturedImage } from '../../evaluation/evaluation.js'
import { factsOf, type RunFacts } from '../../evaluation/run-facts.js'
import type { Shard } from '../../state/run-plan.js'
import type { EvaluationReport } from './report.js'

/** What a report shows beside the results. */
export interface ReportContext {
  /** The stems of all images, in the order of the data set. */
  readonly stems: readonly string[]
  /** Images that the run evaluates. */
  readonly images: number
  readonly shard?: Shard
  readonly partial?: ReportPartial
}

/** Puts the results of an evaluation into the order of the data set, whichever image was done first. */
export function reportOf(
  evaluation: Evaluation,
  facts: RunFacts,
  { stems, images, shard, partial }: ReportContext,
): EvaluationReport {
  const places = new Map(stems.map((stem, i) => [stem, i]))
  const ordered = <T>(of: readonly T[], stemOf: (image: T) => string): T[] =>
    of.toSorted((a, b) => (places.get(stemOf(a)) ?? 0) - (places.get(stemOf(b)) ?? 0))
  const { title, names, palette } = facts
  const { confusion, compared, seconds } = evaluation
  return {
    title: shard === undefined ? title : `${title}, shard ${shard.index}/${shard.count}`,
    names,
    palette,
    facts: factsOf(facts, images, seconds, shard),
    confusion,
    scored: ordered(evaluation.scored, ({ stem }) => stem).map(({ stem, ...image }) => image),
    seconds,
    comparison: compared?.result(confusion),
    loss: evaluation.loss(),
    images: ordered(evaluation.pictured, ({ stem }) => stem).map(panelsOf),
    skipped: ordered(evaluation.skipped, ({ name }) => name),
    partial,
  }
}

/** Returns the path of a picture below the folder of the report. */
export const picturePath = (stem: string, end: string): string => `images/${stem}_${end}`

/** Returns the path of a prediction below the folder of the report. */
export const predictionPath = (stem: string, isPlain: boolean): string =>
  `predictions/${stem}${isPlain ? '' : '_pred_labelIds'}.png`

function panelsOf({ stem, meanIou, pictures }: PicturedImage): ReportImage {
  const panels = pictures.map((end) => ({
    title: end.replace(/\..*/, ''),
    src: picturePath(stem, end).split('/').map(encodeURIComponent).join('/'),
  }))
  return { name: stem, meanIou, panels }
}
