import { join } from 'node:path'
import type { ReportPartial } from '@inverseform/cityscapes'
import type { Dataset, Sample } from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import { createInverseNet, createSegmenter } from '@inverseform/runtime-node'
import { listFew, withoutSecrets } from '@inverseform/shared'
import { sha256Of } from '@inverseform/shared/node'
import { checkSomeDone, ImagesSkipped } from '../on-error.js'
import { fetchCheckpoint } from '../options/checkpoint.js'
import { type NamedClasses, noteOnTable } from '../options/class-names.js'
import { type segmenterChoice, workersFor } from '../options/model.js'
import { namesOfClasses, numberedClasses } from '../output/class-names.js'
import { stemsOf, writePanels, writePrediction } from '../output/evaluation/pictures.js'
import { reportFiles, resultsJson, writeReport } from '../output/evaluation/report.js'
import { picturePath, predictionPath, reportOf } from '../output/evaluation/report-of.js'
import { evaluationText, percent } from '../output/evaluation/text.js'
import { afterError, noteHowToGoOn, partialOf, partialText } from '../output/text/early-end.js'
import { deviceName, noteOnDevices, noteOnTensors } from '../output/text/segmenter-notes.js'
import type { Printer } from '../printer.js'
import { openState } from '../state/open-state.js'
import { checkFolder, type FolderRules, type Output, STATE } from '../state/output-folder.js'
import { hasFormat } from '../state/results-format.js'
import { imagesOfShard, shardText } from '../state/run-plan.js'
import type { AccumulatorKind } from '../state/run-state.js'
import { startImages } from '../state/start-images.js'
import { isPlain, plainOptions } from './data-flags.js'
import { evaluateRun, filesOf } from './evaluate-run.js'
import { Evaluation } from './evaluation.js'
import type { EvalFlags } from './flags.js'
import type { RunFacts } from './run-facts.js'
import { cityscapesClasses, plainClasses, type readIds, type ScoredClasses } from './scored-classes.js'
import { settingsOf } from './settings.js'
import { ValidationLoss } from './validation-loss.js'

/** What the flags name. */
export interface EvalInput {
  readonly choice: ReturnType<typeof segmenterChoice>
  readonly ids?: Awaited<ReturnType<typeof readIds>>
  readonly named?: NamedClasses
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
  const stemOf = stemsOf(all)
  // Samples without a city have none in their stem.
  const stems = all.map((sample) => stemOf(sample).replace(/^\//, ''))
  const samples = new Map(
    imagesOfShard(
      all.map((sample, i) => [stems[i], sample] as const),
      flags.shard,
    ),
  )

  const checkpoint = await fetchCheckpoint(choice.checkpoint, { printer, signal, flag: '--checkpoint' })
  const load = { ...choice, checkpoint, workers: choice.workers ?? workersFor(samples.size), signal }
  await using segmenter = await createSegmenter({
    ...load,
    edgeHead: choice.edgeHead || flags.compareEdgeHead,
  })
  await using without = flags.compareEdgeHead
    ? await createSegmenter({ ...load, edgeHead: false })
    : undefined
  noteOnTensors(segmenter, printer)
  const { numClasses: outputs } = segmenter
  const classes = isPlain(flags)
    ? plainClasses(outputs, plainOptions(flags, named))
    : cityscapesClasses(outputs, ids)
  const names =
    named?.names ??
    (isPlain(flags) ? numberedClasses(classes.numClasses) : namesOfClasses(classes.numClasses))
  const tableNote = named && noteOnTable(named, flags)
  if (tableNote) printer.note(tableNote)
  if (classes.note) printer.note(`The ${outputs} outputs are ${classes.note}.`)
  checkLoss(flags, classes)
  noteOnDevices(segmenter, flags.precision, printer)
  const { edgeHead } = segmenter
  const inverseNetFile = await fetchInverseNet(flags, edgeHead, printer, signal)
  await using inverseNet =
    inverseNetFile === undefined
      ? undefined
      : await createInverseNet({
          checkpoint: inverseNetFile,
          precision: flags.inversenetPrecision,
          threads: flags.threads,
          signal,
        })
  if (flags.loss) noteOnLoss(edgeHead, flags.inversenet, printer)
  const loss = flags.loss ? new ValidationLoss({ edgeHead, inverseNet, signal }) : undefined

  const facts: RunFacts = {
    title: `${segmenter.model} on ${flags.images ?? flags.split}`,
    names,
    palette: named?.palette,
    model: segmenter.model,
    checkpoint: withoutSecrets(choice.checkpoint),
    data: dataset.data,
    split: isPlain(flags) ? undefined : dataset.split,
    total: dataset.total,
    edgeHead,
    scales: flags.scales?.join(', ') ?? 'default',
    flip: flags.flip ?? false,
    device: deviceName(segmenter),
    workers: segmenter.workers,
  }
  const kind: AccumulatorKind<Evaluation> = {
    create: () => new Evaluation(classes),
    fromJSON: (json) => Evaluation.fromJSON(json, classes),
  }
  const hashFiles = async () => ({
    checkpoint: await sha256Of(checkpoint, signal),
    inverseNet: inverseNetFile === undefined ? undefined : await sha256Of(inverseNetFile, signal),
  })
  const state =
    output &&
    (await openState({
      command: 'eval',
      output,
      state: join(output.folder, STATE),
      stored,
      settings: settingsOf(flags, { segmenter, classes, names, ids, named, hashes: await hashFiles() }),
      images: stems,
      shard: flags.shard,
      report: facts,
      kind,
      filesOf(name) {
        const sample = samples.get(name)
        return sample && filesOf(sample)
      },
      printer,
    }))
  const evaluation = state?.total ?? kind.create()

  const showEdges = folder !== undefined && edgeHead
  const toDo = new Map([...samples].filter(([stem]) => !state?.has(stem)))
  const pictured = new Set(stems.slice(0, folder === undefined ? 0 : flags.pictures))
  const progress = startImages(printer, {
    command: 'eval',
    run: state?.id,
    images: samples.size,
    done: samples.size - toDo.size,
    model: facts.model,
    checkpoint: facts.checkpoint,
    data: facts.data,
    shard: flags.shard && shardText(flags.shard),
    device: facts.device,
    workers: facts.workers,
  })
  const context = { stems, images: samples.size, shard: flags.shard }
  const publish = async (partial?: ReportPartial) => {
    const report = reportOf(evaluation, facts, { ...context, partial })
    // Nobody who reads the output alone must take partial scores for those of all images.
    const print = (text: string) => (partial ? printer.err(partialText(partial) + text) : printer.out(text))
    if (flags.json) printer.out(resultsJson(report))
    else if (scored) print(evaluationText(report))
    if (folder === undefined) return
    await writeReport(folder, report)
    printer.line(`Wrote ${join(folder, 'index.html')}`)
  }
  try {
    await evaluateRun({
      segmenter,
      classes,
      samples: toDo,
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
      onDone({ stem, scores, tiles, seconds: { total, ...seconds } }) {
        printer.log.imageDone(stem, seconds, { meanIou: scores?.meanIou, tiles })
        progress.step(scores ? `mIoU ${percent(evaluation.confusion.compute().meanIou)}` : '')
      },
      onSkip({ name, code, error }) {
        printer.log.imageSkipped(name, { code, message: error })
        progress.step()
      },
    })
    progress.end()
    await state?.flush()
    checkSomeDone(evaluation.skipped, samples.size)
  } catch (error) {
    progress.end()
    await afterError(printer, async () => {
      await state?.flush()
      const done = evaluation.scored.length
      if (done > 0) await publish(partialOf(error, signal, { scored: done, total: samples.size }))
    })
    noteHowToGoOn(printer, error, { done: state?.size ?? 0, total: samples.size, onError: flags.onError })
    throw error
  }
  if (evaluation.tiles > 1) {
    printer.note(
      `The images were too large for the memory and were cut into up to ${evaluation.tiles} tiles each.`,
    )
  }
  await publish()
  await state?.finish()
  if (evaluation.skipped.length > 0) throw new ImagesSkipped(evaluation.skipped, samples.size)
}

const folderRules = (folder: string, { resume, restart }: EvalFlags): FolderRules => ({
  folder,
  state: join(folder, STATE),
  outputs: [...reportFiles, 'images', 'predictions'],
  resume,
  restart,
  isOurs: () => hasFormat(join(folder, 'results.json'), 'inverseform.evaluation'),
})

function checkLoss({ loss }: EvalFlags, { toClasses }: ScoredClasses): void {
  if (!loss || toClasses === undefined) return
  throw new InverseFormError('invalid-argument', '--loss needs a network whose outputs are train ids.', {
    hint: 'Omit --loss.',
  })
}

/** Returns the file of InverseNet; undefined if the loss has no InverseForm term. */
async function fetchInverseNet(flags: EvalFlags, edgeHead: boolean, printer: Printer, signal: AbortSignal) {
  const { loss, inversenet } = flags
  if (!loss || !edgeHead || !inversenet) return undefined
  return fetchCheckpoint(inversenet, { printer, signal, flag: '--inversenet' })
}

function noteOnLoss(edgeHead: boolean, inverseNet: string | undefined, printer: Printer): void {
  if (edgeHead && !inverseNet) {
    printer.note('The loss has no InverseForm term. Pass --inversenet inversenet to download InverseNet.')
  }
  if (!edgeHead && inverseNet) {
    printer.note('The loss has no InverseForm term without the edge head. Add --edge-head.')
  }
}

function noteUnpaired(
  { unpaired: { images: unlabeled, labelIds } }: Dataset,
  flags: EvalFlags,
  printer: Printer,
): void {
  if (unlabeled.length > 0 && isPlain(flags)) {
    printer.note(`${unlabeled.length} images have no label map: ${listFew(unlabeled, 3)}`)
  }
  if (labelIds.length === 0) return
  printer.note(`${labelIds.length} label files have no image: ${listFew(labelIds, 3)}`)
}
