import { basename, join } from 'node:path'
import { officialJson } from '@inverseform/cityscapes'
import {
  evaluatePairs,
  matchByStem,
  matchPairs,
  officialResultPath,
  type PairToEvaluate,
} from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { writeWholeFile } from '@inverseform/shared/node'
import { type Command, Option } from 'commander'
import { checkPreset, inWordsOfPresets, officialOptions } from '../metrics/preset-check.js'
import { idsOf, presetNames, type SelectionFlags, selectedMetrics } from '../metrics/selection.js'
import { type Counted, mergeStates, stateJson } from '../metrics/state.js'
import { classNamesHelp, noteOnTable, numberOfClasses, readClassNames } from '../options/class-names.js'
import { type IdPairs, readIdMap } from '../options/id-map.js'
import { maxPixelsOption } from '../options/model.js'
import { parseCount, parseCountOrZero, parseIgnoreIndex, parseSamples } from '../options/parse.js'
import { checkWritable } from '../output/check-writable.js'
import { reportFiles, writeMetricsReport } from '../output/metrics/files.js'
import { type MetricsReport, metricsJson, reportOf } from '../output/metrics/report.js'
import { matrixText, metricsText } from '../output/metrics/text.js'
import { Progress } from '../output/text/progress.js'
import type { Printer } from '../printer.js'

interface MetricsFlags extends SelectionFlags {
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
  command
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
  const { counted, pairs } = await (flags.merge === undefined
    ? score(flags, command, idMap, files, printer, signal)
    : merge(flags.merge, files))
  const seconds = (performance.now() - started) / 1000

  const report = reportOf(counted, flags, seconds, named)
  const official = officialFile === undefined ? undefined : officialText(report)
  // Print first, so that a full disk does not cost the scores.
  if (flags.json) printer.out(metricsJson(report))
  else printScores(report, flags, printer)
  noteOnWarnings(report, flags, printer)
  if (flags.saveState !== undefined) await writeWholeFile(flags.saveState, stateJson(counted))
  if (officialFile !== undefined && official !== undefined) {
    await writeWholeFile(officialFile, official)
    printer.line(`Wrote ${officialFile}`)
  }
  if (flags.out !== undefined) {
    const { maxPixels, worst = 10 } = flags
    const contents = { counted, pairs, ids: idsOf(flags), idMap, maxPixels, worst }
    printer.line(`Wrote ${await writeMetricsReport(flags.out, report, contents, signal)}`)
  }
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
  printer.out(`${shown ? text : ''}${metricsText(report)}`)
  if (text !== undefined && !shown) {
    printer.note('The confusion matrix is wider than the terminal. Pass --matrix to print it.')
  }
}

function outputFiles({ saveState, out }: MetricsFlags, officialFile: string | undefined): string[] {
  const report = out === undefined ? [] : reportFiles.map((name) => join(out, name))
  return [saveState, officialFile, ...report].filter((file) => file !== undefined)
}

interface Scored {
  readonly counted: Counted
  /** The label files; empty for merged states. */
  readonly pairs: readonly PairToEvaluate[]
}

async function score(
  flags: MetricsFlags,
  command: Command,
  idMap: IdPairs | undefined,
  files: readonly string[],
  printer: Printer,
  signal: AbortSignal,
): Promise<Scored> {
  const selection = selectedMetrics(flags)
  const pairs = await findPairs(flags, command, printer)
  await checkWritable(files)
  noteTrainIds(flags, pairs, printer)
  const progress = new Progress(printer, 'images', pairs.length)
  const metrics = await evaluatePairs(pairs, {
    metrics: selection,
    ...idsOf(flags),
    idMap,
    workers: flags.workers,
    maxPixels: flags.maxPixels,
    signal,
    onProgress: () => progress.step(),
  }).finally(() => progress.end())
  const split = flags.preset === undefined ? flags.split : undefined
  return { counted: { metrics, split, images: pairs.map(({ name }) => name) }, pairs }
}

async function merge(states: readonly string[], files: readonly string[]): Promise<Scored> {
  const counted = await mergeStates(states)
  await checkWritable(files)
  return { counted, pairs: [] }
}

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
