import type { Dataset, Sample } from '@inverseform/cityscapes/node'
import { listFew, withoutSecrets } from '@inverseform/shared'
import { stemsOf, writePanels, writePrediction } from '../output/evaluation/pictures.js'
import { picturePath, predictionPath } from '../output/evaluation/report-of.js'
import { deviceName } from '../output/text/segmenter-notes.js'
import type { Printer } from '../printer.js'
import { checkFolder, type Output } from '../state/output-folder.js'
import { imagesOfShard } from '../state/run-plan.js'
import { isPlain } from './data-flags.js'
import { evaluateRun, filesOf } from './evaluate-run.js'
import type { EvalFlags } from './flags.js'
import { type NetworkInput, openNetworks } from './open-networks.js'
import { folderRules, reportRun } from './report-run.js'
import type { RunFacts } from './run-facts.js'
import { settingsOf } from './settings.js'

/** What the flags name. */
export interface EvalInput extends Omit<NetworkInput, 'images'> {
  readonly dataset: Dataset
  /** The images, also those of other shards. */
  readonly all: readonly Sample[]
  /** Whether some have label files. */
  readonly scored: boolean
}

/** Evaluates, and prints the results; with an output, also keeps the state there and writes the report. */
export async function evaluate(
  flags: EvalFlags,
  { choice, ids, named, dataset, all, scored }: EvalInput,
  output: Output | undefined,
  printer: Printer,
  signal: AbortSignal,
): Promise<void> {
  const folder = output?.folder
  const stored = output && (await checkFolder(folderRules(output.folder, flags)))
  noteUnpaired(dataset, flags, printer)
  const stems = plainStems(all)
  const samples = new Map(
    imagesOfShard(
      all.map((sample, i) => [stems[i], sample] as const),
      flags.shard,
    ),
  )

  await using networks = await openNetworks(
    flags,
    { choice, ids, named, images: samples.size },
    printer,
    signal,
  )
  const { segmenter, without, classes, names, loss } = networks
  const { edgeHead } = segmenter
  const facts: RunFacts = {
    ...factsOfFlags(flags, dataset),
    title: `${segmenter.model} on ${flags.images ?? flags.split}`,
    names,
    palette: named?.palette,
    model: segmenter.model,
    checkpoint: withoutSecrets(choice.checkpoint),
    edgeHead,
    device: deviceName(segmenter),
    workers: segmenter.workers,
  }
  const showEdges = folder !== undefined && edgeHead
  const pictured = new Set(stems.slice(0, folder === undefined ? 0 : flags.pictures))
  await reportRun(
    {
      classes,
      facts,
      settings: async () =>
        settingsOf(flags, { segmenter, classes, names, ids, named, hashes: await networks.hashes() }),
      stems,
      images: [...samples.keys()],
      shard: flags.shard,
      scored,
      json: flags.json,
      onError: flags.onError,
      output,
      stored,
      filesOf(name) {
        const sample = samples.get(name)
        return sample && filesOf(sample)
      },
    },
    ({ state, evaluation, toDo, onDone, onSkip }) =>
      evaluateRun({
        segmenter,
        classes,
        samples: new Map(toDo.map((stem) => [stem, samples.get(stem) as Sample])),
        options: {
          scales: flags.scales,
          flip: flags.flip,
          outputs: [...(showEdges ? (['edges'] as const) : []), ...(loss?.outputs ?? [])],
          signal,
          maxPixels: flags.maxPixels,
        },
        onError: flags.onError,
        loss,
        without,
        state,
        evaluation,
        async write(stem, image) {
          const prediction = folder !== undefined && flags.savePredictions
          if (prediction) await writePrediction(folder, stem, image, isPlain(flags))
          const panels =
            folder !== undefined && pictured.has(stem)
              ? (await writePanels(folder, stem, image, named?.palette)).panels
              : undefined
          const pictures = panels?.map(({ src }) => src.slice(src.lastIndexOf('_') + 1))
          return {
            pictures,
            outputs: [
              ...(prediction ? [predictionPath(stem, isPlain(flags))] : []),
              ...(pictures ?? []).map((end) => picturePath(stem, end)),
            ],
          }
        },
        onDone: ({ scores, ...image }) => onDone({ ...image, meanIou: scores?.meanIou }),
        onSkip,
      }),
    printer,
    signal,
  )
}

/** Returns the stems of samples. Samples without a city have none in their stem. */
export function plainStems(samples: readonly Sample[]): string[] {
  const stemOf = stemsOf(samples)
  return samples.map((sample) => stemOf(sample).replace(/^\//, ''))
}

/** Returns what reports say about the options of a run. */
export const factsOfFlags = (
  flags: Pick<EvalFlags, 'images' | 'scales' | 'flip'>,
  { data, split, total }: Pick<Dataset, 'data' | 'split' | 'total'>,
): Pick<RunFacts, 'data' | 'split' | 'total' | 'scales' | 'flip'> => ({
  data,
  split: isPlain(flags) ? undefined : split,
  total,
  scales: flags.scales?.join(', ') ?? 'default',
  flip: flags.flip ?? false,
})

/** Notes files of a data set that are not evaluated. */
export function noteUnpaired(
  { unpaired: { images: unlabeled, labelIds } }: Dataset,
  flags: Pick<EvalFlags, 'images'>,
  printer: Printer,
): void {
  if (unlabeled.length > 0 && isPlain(flags)) {
    printer.note(`${unlabeled.length} images have no label map: ${listFew(unlabeled, 3)}`)
  }
  if (labelIds.length === 0) return
  printer.note(`${labelIds.length} label files have no image: ${listFew(labelIds, 3)}`)
}
