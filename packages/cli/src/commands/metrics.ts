import { join } from 'node:path'
import { officialJson } from '@inverseform/cityscapes'
import { officialResultPath } from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import { writeWholeFile } from '@inverseform/shared/node'
import { type Command, Option } from 'commander'
import type { MetricsFlags } from '../metrics/flags.js'
import { checkPreset, officialOptions } from '../metrics/preset-check.js'
import { type Scored, score } from '../metrics/score.js'
import { idsOf, presetNames } from '../metrics/selection.js'
import { mergeStates, stateJson } from '../metrics/state.js'
import { addOnErrorOption } from '../on-error.js'
import { classNamesHelp, noteOnTable, numberOfClasses, readClassNames } from '../options/class-names.js'
import { readIdMap } from '../options/id-map.js'
import { addLogOption } from '../options/log.js'
import { maxPixelsOption } from '../options/model.js'
import { parseCount, parseCountOrZero, parseIgnoreIndex, parseSamples } from '../options/parse.js'
import { checkWritable } from '../output/check-writable.js'
import { reportFiles, writeMetricsReport } from '../output/metrics/files.js'
import { type MetricsReport, metricsJson, reportOf } from '../output/metrics/report.js'
import { matrixText, metricsText } from '../output/metrics/text.js'
import { partialText } from '../output/text/early-end.js'
import type { Printer } from '../printer.js'
import { addRunOptions, checkRunFlags, holdFolder } from '../state/output-folder.js'
import { version } from '../version.js'

export function setUpMetrics(command: Command, printer: Printer, signal: AbortSignal): void {
  addLogOption(addRunOptions(addOnErrorOption(command)))
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
    const total = (performance.now() - started) / 1000
    const seconds = flags.merge === undefined ? { ...printer.log.totals?.stages, total } : undefined
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
  printer.log.start({ command: 'metrics', version, images: counted.images.length, merged: flags.merge })
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
