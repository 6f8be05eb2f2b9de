import { basename, join } from 'node:path'
import { officialJson, type ReportPartial } from '@inverseform/cityscapes'
import {
  evaluatePairs,
  type MetricSelection,
  matchByStem,
  matchPairs,
  officialResultPath,
  type PairToEvaluate,
} from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { writeWholeFile } from '@inverseform/shared/node'
import { type Command, Option } from 'commander'
import { MetricsCount } from '../metrics/metrics-count.js'
import { checkPreset, inWordsOfPresets, officialOptions } from '../metrics/preset-check.js'
import { idsOf, presetNames, type SelectionFlags, selectedMetrics } from '../metrics/selection.js'
import { type Counted, mergeStates, stateJson } from '../metrics/state.js'
import {
  addOnErrorOption,
  checkSomeDone,
  ImagesSkipped,
  type OnError,
  type SkippedImage,
  skippedImage,
} from '../on-error.js'
import {
  classNamesHelp,
  type NamedClasses,
  noteOnTable,
  numberOfClasses,
  readClassNames,
} from '../options/class-names.js'
import { type IdPairs, readIdMap } from '../options/id-map.js'
import { maxPixelsOption } from '../options/model.js'
import { parseCount, parseCountOrZero, parseIgnoreIndex, parseSamples } from '../options/parse.js'
import { checkWritable } from '../output/check-writable.js'
import { reportFiles, writeMetricsReport } from '../output/metrics/files.js'
import { type MetricsReport, metricsJson, reportOf } from '../output/metrics/report.js'
import { matrixText, metricsText } from '../output/metrics/text.js'
import { afterError, partialOf, partialText } from '../output/text/early-end.js'
import { Progress } from '../output/text/progress.js'
import type { Printer } from '../printer.js'
import { openState } from '../state/open-state.js'
import {
  addRunOptions,
  checkFolder,
  checkRunFlags,
  type FolderRules,
  holdFolder,
  type RunFlags,
  STATE,
} from '../state/output-folder.js'
import { hasFormat } from '../state/results-format.js'
import type { RunPlan } from '../state/run-plan.js'
import { sizesOf } from '../state/run-state.js'

interface MetricsFlags extends SelectionFlags, RunFlags {
  readonly onError: OnError
  readonly gt?: string
  readonly pred?: string
  readonly split: string
  readonly coarse?: boolean
  readonly maxPixels?: number
  readonly gtSuffix?: string
  readonly predSuffix?: string
  readonly classNames?: string
  readonly mapIds?: string
  readonly workers?: number
  readonly officialJson?: string | true
  readonly worst?: number
  readonly json?: boolean
  readonly matrix?: boolean
  readonly saveState?: string
  readonly merge?: string[]
}

export function setUpMetrics(command: Command, printer: Printer, signal: AbortSignal): void {
  addRunOptions(addOnErrorOption(command))
    .option('--gt <folder>', 'read the ground truth from this folder (default: CITYSCAPES_DATASET)')
    .option(
      '--pred <folder>',
      'read the predictions from this folder (default: CITYSCAPES_RESULTS, or results/ in the data set)',
    )
    .option('--split <name>', 'score this split, a folder in gtFine', 'val')
    .option('--coarse', 'score against the annotations of gtCoarse instead of gtFine')
    .option('--no-instances', 'omit the instance-level scores')
    .addOption(
      new Option('--ids <kind>', 'ids in the predictions (default: labelIds)').choices([
        'labelIds',
        'trainIds',
      ]),
    )
    .option(
      '--map-ids <map>',
      'map ids of both label maps before scoring: pairs such as 255=1,254=0, or a file of them',
    )
    .option('--boundary', 'add boundary F, Boundary IoU and trimap scores')
    .option('--surface', 'add Hausdorff and surface distances')
    .option(
      '--bootstrap [samples]',
      'add a confidence interval of the mean IoU (default: 1000 samples)',
      parseSamples,
    )
    .addOption(
      new Option('--preset <tool>', 'score class ids of any data set, with the names of this tool')
        .choices(presetNames)
        .conflicts(officialOptions),
    )
    .option('--num-classes <n>', 'with --preset: number of classes', parseCount)
    .option(
      '--class-names <file>',
      `with --preset: names of the classes: ${classNamesHelp} (default: numbers)`,
    )
    .option(
      '--ignore-index <id>',
      'with --preset: ignore pixels with this ground truth id, or none (default: 255)',
      parseIgnoreIndex,
    )
    .option('--reduce-zero-label', 'with --preset: ignore ground truth id 0, and make id 1 the first class')
    .option('--gt-suffix <text>', 'with --preset: end of the file names of the ground truth (default: .png)')
    .option('--pred-suffix <text>', 'with --preset: end of the file names of predictions (default: .png)')
    .addOption(maxPixelsOption())
    .option('--workers <n>', 'use n threads (default: one per core)', parseCountOrZero)
    .option(
      '--official-json [file]',
      "write the official script's JSON file (default: where the script writes it)",
    )
    .option('--json', 'print the results as JSON')
    .option('--matrix', 'print the confusion matrix even if the terminal is too narrow for it')
    .option('--out <folder>', 'write a page, results.json, state.json and pictures to this folder')
    .option('--worst <n>', 'with --out: write pictures of the n worst images (default: 10)', parseCountOrZero)
    .option('--save-state <file>', 'write the counts to this file, for --merge')
    .addOption(
      new Option('--merge <files...>', 'merge files of --save-state instead of reading images').conflicts([
        ...['gt', 'pred', 'split', 'instances', 'ids', 'boundary', 'surface', 'numClasses', 'ignoreIndex'],
        ...['reduceZeroLabel', 'mapIds', 'coarse', 'maxPixels', 'gtSuffix', 'predSuffix', 'workers', 'worst'],
        ...['onError', 'resume', 'restart'],
      ]),
    )
    .addHelpText(
      'after',
      `
Examples:
  inverseform metrics --gt cityscapes --pred results --official-json
  inverseform metrics --gt cityscapes --pred results --boundary --bootstrap --out report
  inverseform metrics --preset plain --gt labels --pred results --num-classes 19
  inverseform metrics --preset mmseg --gt ade/annotations --pred results --num-classes 150 --reduce-zero-label

In a clone of the repository, with its data:
  inverseform metrics --gt tools/demo/cityscapes --pred demo-output/eval/predictions --boundary`,
    )
    .action((flags: MetricsFlags) => metricsCommand(flags, command, printer, signal))
}

/** Scores predictions against their targets. */
async function metricsCommand(
  given: MetricsFlags,
  command: Command,
  printer: Printer,
  signal: AbortSignal,
): Promise<void> {
  checkPreset(given, command)
  checkRunFlags(given, given.out)
  if (given.worst !== undefined && given.out === undefined) {
    throw new InverseFormError('invalid-argument', '--worst needs --out.', {
      hint: 'Pass --out with the folder to write the pictures to, or omit --worst.',
    })
  }
  const named = given.classNames === undefined ? undefined : await readClassNames(given.classNames)
  const flags =
    given.merge === undefined
      ? {
          ...given,
          numClasses: numberOfClasses(given.numClasses, named),
          ignoreIndex: given.ignoreIndex ?? named?.table?.ignoreIndex,
        }
      : given
  const note = named && noteOnTable(named, flags)
  if (note) printer.note(note)
  const idMap = flags.mapIds === undefined ? undefined : await readIdMap(flags.mapIds)
  const officialFile = await officialPath(flags)
  const files = outputFiles(flags, officialFile)
  const started = performance.now()
  /** Prints and writes what was counted. */
  const publish = async ({ counted, pairs, skipped = [], partial }: Scored) => {
    const seconds = (performance.now() - started) / 1000
    const report = reportOf(counted, flags, { seconds, named, skipped, partial })
    const official = officialFile === undefined ? undefined : officialText(report)
    // Print first, so that a full disk does not cost the scores.
    if (flags.json) printer.out(metricsJson(report))
    else printScores(report, flags, printer)
    noteOnWarnings(report, flags, printer)
    if (flags.saveState !== undefined && !partial) await writeWholeFile(flags.saveState, stateJson(counted))
    if (officialFile !== undefined && official !== undefined && !partial) {
      await writeWholeFile(officialFile, official)
      printer.line(`Wrote ${officialFile}`)
    }
    if (flags.out !== undefined) {
      const { maxPixels, worst = 10 } = flags
      const contents = { counted, pairs, ids: idsOf(flags), idMap, maxPixels, worst }
      printer.line(`Wrote ${await writeMetricsReport(flags.out, report, contents, signal)}`)
    }
  }
  if (flags.merge === undefined) {
    return score(flags, { command, idMap, named, files, publish, printer, signal })
  }
  const counted = await mergeStates(flags.merge)
  await checkWritable(files)
  await using _held = flags.out === undefined ? undefined : await holdFolder(flags.out, { printer, signal })
  await publish({ counted, pairs: [] })
}

/** Notes what to pass where the warnings beside the scores say that the ids mean something else. */
function noteOnWarnings({ official, confusion }: MetricsReport, flags: MetricsFlags, printer: Printer): void {
  const warnings = [...(official?.warnings ?? []), ...(confusion?.compute().warnings ?? [])]
  if (flags.merge === undefined && warnings.some(({ code }) => code === 'mask')) {
    printer.note('For masks of 0 and 255, pass --map-ids 255=1.')
  }
}

function printScores(report: MetricsReport, { matrix }: MetricsFlags, printer: Printer): void {
  const text = matrixText(report)
  const shown = text !== undefined && (matrix || printer.fits(text))
  const scores = `${shown ? text : ''}${metricsText(report)}`
  // Nobody who reads the output alone must take these scores for those of all images.
  if (report.partial) printer.err(partialText(report.partial) + scores)
  else printer.out(scores)
  if (text !== undefined && !shown) {
    printer.note('The confusion matrix is wider than the terminal. Pass --matrix to print it.')
  }
}

function outputFiles({ saveState, out }: MetricsFlags, officialFile: string | undefined): string[] {
  const report = out === undefined ? [] : reportFiles.map((name) => join(out, name))
  return [saveState, officialFile, ...report].filter((file) => file !== undefined)
}

/** What was counted, to print and to write. */
interface Scored {
  readonly counted: Counted
  /** The label files; empty for merged states. */
  readonly pairs: readonly PairToEvaluate[]
  readonly skipped?: readonly SkippedImage[]
  /** How far the evaluation got, if it ended early. */
  readonly partial?: ReportPartial
}

interface ScoreContext {
  readonly command: Command
  readonly idMap?: IdPairs
  readonly named?: NamedClasses
  /** Files that will be written. */
  readonly files: readonly string[]
  publish(scored: Scored): Promise<void>
  readonly printer: Printer
  readonly signal: AbortSignal
}

async function score(flags: MetricsFlags, context: ScoreContext): Promise<void> {
  const { command, idMap, named, files, publish, printer, signal } = context
  const selection = selectedMetrics(flags)
  const pairs = await findPairs(flags, command, printer)
  await checkWritable(files)
  await using output = flags.out === undefined ? undefined : await holdFolder(flags.out, { printer, signal })
  noteTrainIds(flags, pairs, printer)
  const kind = {
    create: () => MetricsCount.none(selection),
    fromJSON: (json: unknown) => MetricsCount.fromJSON(json, selection),
  }
  const byName = new Map(pairs.map((pair) => [pair.name, pair]))
  const state =
    output &&
    (await openState({
      command: 'metrics',
      output,
      state: join(output.folder, STATE),
      stored: await checkFolder(folderRules(output.folder, flags)),
      settings: settingsOf(flags, selection, idMap, named),
      images: pairs.map(({ name }) => name),
      kind,
      filesOf(name) {
        const pair = byName.get(name)
        return pair && filesOf(pair)
      },
      printer,
    }))
  const count = state?.total ?? kind.create()
  const toDo = pairs.filter(({ name }) => !state?.has(name))
  if (toDo.length < pairs.length) {
    printer.note(`${pairs.length - toDo.length} of ${pairs.length} images are done already.`)
  }
  const scoredSoFar = (partial?: ReportPartial): Scored => {
    const names = new Set(count.names)
    const images = pairs.map(({ name }) => name).filter((name) => names.has(name))
    const split = flags.preset === undefined ? flags.split : undefined
    return { counted: { metrics: count.metrics, split, images }, pairs, skipped: count.skipped, partial }
  }
  const record = async (done: readonly PairToEvaluate[], apply: (to: MetricsCount) => void) => {
    if (state === undefined) return apply(count)
    const images = done.map(async (pair) => ({
      name: pair.name,
      bytes: await sizesOf(filesOf(pair)),
      outputs: [],
    }))
    await state.add(await Promise.all(images), apply)
  }
  const skipping: Promise<void>[] = []
  const skip = (pair: PairToEvaluate, error: InverseFormError) => {
    skipping.push(record([pair], (to) => to.skip(skippedImage(pair.name, error))))
  }
  const progress = new Progress(printer, 'images', pairs.length, pairs.length - toDo.length)
  try {
    await evaluatePairs(toDo, {
      metrics: selection,
      ...idsOf(flags),
      idMap,
      workers: flags.workers,
      maxPixels: flags.maxPixels,
      signal,
      onProgress: () => progress.step(),
      onFailure: flags.onError === 'skip' ? skip : undefined,
      onCounted({ pairs: done, metrics }) {
        const names = done.map(({ name }) => name)
        return record(done, (to) => to.add(names, metrics))
      },
    }).finally(() => progress.end())
    await Promise.all(skipping)
    await state?.flush()
    checkSomeDone(count.skipped, pairs.length)
  } catch (error) {
    await afterError(printer, async () => {
      await Promise.all(skipping)
      await state?.flush()
      const { length: scored } = count.names
      if (scored > 0) await publish(scoredSoFar(partialOf(error, signal, { scored, total: pairs.length })))
    })
    const isHalfDone = state !== undefined && state.size > 0 && state.size < pairs.length
    if (isHalfDone) printer.line('Run again with --resume to go on from there.')
    throw error
  }
  await publish(scoredSoFar())
  await state?.finish()
  if (count.skipped.length > 0) throw new ImagesSkipped(count.skipped, pairs.length)
}

const filesOf = ({ target, prediction, instanceIds }: PairToEvaluate): string[] => [
  target,
  prediction,
  ...(instanceIds === undefined ? [] : [instanceIds]),
]

/** Returns all options that change the results, as `RunPlan` has them. */
function settingsOf(
  flags: MetricsFlags,
  selection: MetricSelection,
  idMap: IdPairs | undefined,
  named: NamedClasses | undefined,
): RunPlan['settings'] {
  const { preset, split, coarse } = flags
  const { targetIds, predictionIds, reduceZeroLabel = false } = idsOf(flags)
  return {
    preset: preset ?? null,
    data: preset === undefined ? `${split} of ${coarse ? 'gtCoarse' : 'gtFine'}` : 'plain folders',
    metrics: JSON.stringify(selection),
    'ids of the ground truth': targetIds,
    'ids of the predictions': predictionIds,
    'reduce zero label': reduceZeroLabel,
    'mapped ids': idMap === undefined ? null : [...idMap].map(([from, to]) => `${from}=${to}`),
    'class names': named?.names ?? null,
  }
}

const folderRules = (folder: string, { resume, restart }: RunFlags): FolderRules => ({
  folder,
  state: join(folder, STATE),
  outputs: [...reportFiles, 'images'],
  resume,
  restart,
  isOurs: async () =>
    (await hasFormat(join(folder, 'results.json'), 'inverseform.metrics')) ||
    (await hasFormat(join(folder, 'state.json'), 'inverseform.metrics-state')),
})

/** Notes file names that suggest train ids: like the official script, `metrics` reads label ids by default. */
function noteTrainIds(
  { preset, ids }: MetricsFlags,
  pairs: readonly PairToEvaluate[],
  printer: Printer,
): void {
  if (preset !== undefined || ids !== undefined) return
  const named = pairs.map(({ prediction }) => prediction).filter((path) => /trainIds/i.test(basename(path)))
  if (named.length === 0) return
  printer.note(
    `${named.length} of ${pairs.length} predictions are read as label ids, but their names say train ids, such as ` +
      `${named[0]}. If they hold train ids, pass --ids trainIds.`,
  )
}

async function findPairs(flags: MetricsFlags, command: Command, printer: Printer): Promise<PairToEvaluate[]> {
  const { gt, pred, preset, split, coarse, instances, out } = flags
  if (preset === undefined) {
    return matchPairs({
      data: gt,
      predictions: pred,
      split,
      type: coarse ? 'gtCoarse' : undefined,
      instances,
      out,
    }).catch((error: unknown) => {
      throw inWordsOfPresets(error, command)
    })
  }
  return matchByStem({
    // `checkPreset` has checked that both are given.
    targets: gt as string,
    predictions: pred as string,
    targetSuffix: flags.gtSuffix,
    predictionSuffix: flags.predSuffix,
    out,
    onUnmatched: (paths) => {
      printer.note(`${paths.length} predictions have no target: ${listFew(paths, 3)}`)
    },
  })
}

/** Returns the path of the official result, before any work is done. */
async function officialPath({ officialJson, merge, gt }: MetricsFlags): Promise<string | undefined> {
  if (officialJson !== true) return officialJson
  const { CITYSCAPES_DATASET, CITYSCAPES_EXPORT_DIR } = process.env
  if (merge !== undefined && !CITYSCAPES_DATASET && !CITYSCAPES_EXPORT_DIR) {
    throw new InverseFormError('invalid-argument', 'With --merge, --official-json needs a file.', {
      hint: 'Name the file to write: --official-json <file>.',
    })
  }
  return officialResultPath({ data: gt })
}

function officialText({ official }: MetricsReport): string {
  if (official !== undefined) return officialJson(official)
  throw new InverseFormError('invalid-dataset', 'The merged states have no official evaluation.', {
    hint: 'Omit --official-json.',
  })
}
