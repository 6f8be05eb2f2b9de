import { join } from 'node:path'
import type { ReportPartial } from '@inverseform/cityscapes'
import { checkSomeDone, ImagesSkipped, type OnError, type SkippedImage } from '../on-error.js'
import { reportFiles, resultsJson, writeReport } from '../output/evaluation/report.js'
import { reportOf } from '../output/evaluation/report-of.js'
import { evaluationText, percent } from '../output/evaluation/text.js'
import { afterError, noteHowToGoOn, partialOf, partialText } from '../output/text/early-end.js'
import type { Printer } from '../printer.js'
import { openState } from '../state/open-state.js'
import { type FolderRules, type Output, type RunFlags, STATE } from '../state/output-folder.js'
import { hasFormat } from '../state/results-format.js'
import { type RunPlan, type Shard, shardText } from '../state/run-plan.js'
import type { AccumulatorKind, RunState, StoredRun } from '../state/run-state.js'
import { startImages } from '../state/start-images.js'
import { Evaluation, type ImageResult } from './evaluation.js'
import type { RunFacts } from './run-facts.js'
import type { ScoredClasses } from './scored-classes.js'

interface ReportedRun {
  readonly classes: ScoredClasses
  readonly facts: RunFacts
  /** The id of a run in a queue, which its workers know it by. */
  readonly queued?: string
  /** Returns what reports say of the device, when the images are done; that of `facts` by default. */
  readonly device?: () => string
  /** All options that change results. */
  settings(): Promise<RunPlan['settings']>
  /** The names of all images, also of other shards. */
  readonly stems: readonly string[]
  /** The names of the images of this run. */
  readonly images: readonly string[]
  readonly shard?: Shard
  /** Whether some have label files. */
  readonly scored: boolean
  readonly json?: boolean
  readonly onError: OnError
  /** The folder, with the run that it has; undefined for results that are only printed. */
  readonly output?: Output
  readonly stored?: StoredRun | 'damaged'
  /** Returns the files that an image is read from; undefined for one that is not there any more. */
  filesOf(name: string): readonly string[] | undefined
}

/** An image that counts; `meanIou` is undefined without a target. */
interface ImageDone extends Pick<ImageResult, 'stem' | 'tiles' | 'seconds'> {
  readonly meanIou?: number
  /** The device of the worker, in a queue. */
  readonly device?: string
}

/** What the images are added to. */
export interface OpenRun {
  /** What is written and counted; undefined for results that are only printed. */
  readonly state?: RunState<Evaluation>
  readonly evaluation: Evaluation
  /** The images that are not done yet. */
  readonly toDo: readonly string[]
  onDone(image: ImageDone): void
  onSkip(image: SkippedImage): void
}

/** Has images evaluated, and prints the results; with an output, also keeps the state there and writes the report. */
export async function reportRun(
  run: ReportedRun,
  perform: (open: OpenRun) => Promise<void>,
  printer: Printer,
  signal: AbortSignal,
): Promise<void> {
  const { classes, images, shard, output, queued } = run
  const folder = output?.folder
  const kind: AccumulatorKind<Evaluation> = {
    create: () => new Evaluation(classes),
    fromJSON: (json) => Evaluation.fromJSON(json, classes),
  }
  const state =
    output &&
    (await openState({
      command: 'eval',
      output,
      state: join(output.folder, STATE),
      stored: run.stored,
      settings: await run.settings(),
      images: run.stems,
      shard,
      report: run.facts,
      kind,
      filesOf: run.filesOf,
      printer,
    }))
  const evaluation = state?.total ?? kind.create()

  const toDo = images.filter((name) => !state?.has(name))
  const progress = startImages(printer, {
    command: queued === undefined ? 'eval' : 'queue eval',
    run: queued ?? state?.id,
    images: images.length,
    done: images.length - toDo.length,
    model: run.facts.model,
    checkpoint: run.facts.checkpoint,
    data: run.facts.data,
    shard: shard && shardText(shard),
    device: run.facts.device,
    workers: queued === undefined ? run.facts.workers : undefined,
  })
  const context = { stems: run.stems, images: images.length, shard }
  const publish = async (partial?: ReportPartial) => {
    const facts = { ...run.facts, device: run.device?.() ?? run.facts.device }
    const report = reportOf(evaluation, facts, { ...context, partial })
    // Nobody who reads the output alone must take partial scores for those of all images.
    const print = (text: string) => (partial ? printer.err(partialText(partial) + text) : printer.out(text))
    if (run.json) printer.out(resultsJson(report))
    else if (run.scored) print(evaluationText(report))
    if (folder === undefined) return
    await writeReport(folder, report)
    printer.line(`Wrote ${join(folder, 'index.html')}`)
  }
  try {
    await perform({
      state,
      evaluation,
      toDo,
      onDone({ stem, meanIou, tiles, device, seconds: { total, ...seconds } }) {
        printer.log.imageDone(stem, seconds, { meanIou, tiles, device })
        progress.step(meanIou === undefined ? '' : `mIoU ${percent(evaluation.confusion.compute().meanIou)}`)
      },
      onSkip({ name, code, error }) {
        printer.log.imageSkipped(name, { code, message: error })
        progress.step()
      },
    })
    progress.end()
    await state?.flush()
    checkSomeDone(evaluation.skipped, images.length)
  } catch (error) {
    progress.end()
    await afterError(printer, async () => {
      await state?.flush()
      const done = evaluation.scored.length
      if (done > 0) await publish(partialOf(error, signal, { scored: done, total: images.length }))
    })
    noteHowToGoOn(printer, error, { done: state?.size ?? 0, total: images.length, onError: run.onError })
    throw error
  }
  if (evaluation.tiles > 1) {
    printer.note(
      `The images were too large for the memory and were cut into up to ${evaluation.tiles} tiles each.`,
    )
  }
  await publish()
  await state?.finish()
  if (evaluation.skipped.length > 0) throw new ImagesSkipped(evaluation.skipped, images.length)
}

/** What the folder of an evaluation must have or lack. */
export const folderRules = (folder: string, { resume, restart }: RunFlags): FolderRules => ({
  folder,
  state: join(folder, STATE),
  outputs: [...reportFiles, 'images', 'predictions'],
  resume,
  restart,
  isOurs: () => hasFormat(join(folder, 'results.json'), 'inverseform.evaluation'),
})
