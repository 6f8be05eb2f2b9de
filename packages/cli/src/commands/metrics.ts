import { basename, join } from 'node:path'
import { officialJson } from '@inverseform/cityscapes'
import {
  evaluatePairs,
  matchByStem,
  matchPairs,
  officialResultPath,
  type PairToEvaluate,
  type PixelIds,
} from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import { refuseIdleFlags, type SelectionFlags, selectedMetrics } from '../metrics-selection.js'
import { type Counted, mergeStates, stateJson } from '../metrics-state.js'
import { expectWritable } from '../output/expect-writable.js'
import { writeOutput } from '../output/files.js'
import type { IdKinds } from '../output/metrics-pictures.js'
import {
  type MetricsReport,
  metricsJson,
  reportFiles,
  reportOf,
  writeMetricsReport,
} from '../output/metrics-report.js'
import { metricsText } from '../output/metrics-text.js'
import { Progress } from '../progress.js'
import type { Terminal } from '../terminal.js'

export interface MetricsFlags extends SelectionFlags {
  readonly gt?: string
  readonly pred?: string
  readonly split: string
  readonly ids?: PixelIds
  readonly gtSuffix?: string
  readonly predSuffix?: string
  readonly workers?: number
  readonly officialJson?: string | true
  readonly worst?: number
  readonly json?: boolean
  readonly saveState?: string
  readonly merge?: string[]
}

/** Scores predictions by their truth: as the official script of Cityscapes does, and beyond it. */
export async function metricsCommand(
  flags: MetricsFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  refuseIdleFlags(flags)
  const officialFile = await officialPath(flags)
  const files = outputs(flags, officialFile)
  const started = performance.now()
  const { counted, pairs } = await (flags.merge === undefined
    ? evaluate(flags, files, terminal, signal)
    : merge(flags.merge, files))
  const seconds = (performance.now() - started) / 1000

  const report = reportOf(counted, { flags, pairs, ids: idsOf(flags), seconds })
  const official = officialFile === undefined ? undefined : officialText(report)
  // First of all, so that a full disk does not cost the scores.
  terminal.out(flags.json ? metricsJson(report) : metricsText(report))
  if (flags.saveState !== undefined) await writeOutput(flags.saveState, stateJson(counted))
  if (officialFile !== undefined && official !== undefined) {
    await writeOutput(officialFile, official)
    terminal.err(`Wrote ${officialFile}\n`)
  }
  if (flags.out !== undefined) terminal.err(`Wrote ${await writeMetricsReport(flags.out, report, signal)}\n`)
}

/** The files that will be written. */
function outputs({ saveState, out }: MetricsFlags, officialFile: string | undefined): string[] {
  const report = out === undefined ? [] : reportFiles.map((name) => join(out, name))
  return [saveState, officialFile, ...report].filter((file) => file !== undefined)
}

interface Scored {
  readonly counted: Counted
  /** The files of the images; none of merged states. */
  readonly pairs: readonly PairToEvaluate[]
}

async function evaluate(
  flags: MetricsFlags,
  files: readonly string[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Scored> {
  const selection = selectedMetrics(flags)
  const pairs = await findPairs(flags)
  await expectWritable(files)
  noteTrainIds(flags, pairs, terminal)
  const progress = new Progress(terminal, 'images', pairs.length)
  const metrics = await evaluatePairs(pairs, {
    metrics: selection,
    ...idsOf(flags),
    workers: flags.workers,
    signal,
    onProgress: () => progress.step(),
  }).finally(() => progress.end())
  const split = flags.preset === undefined ? flags.split : undefined
  return { counted: { metrics, split, images: pairs.map(({ name }) => name) }, pairs }
}

async function merge(states: readonly string[], files: readonly string[]): Promise<Scored> {
  const counted = await mergeStates(states)
  await expectWritable(files)
  return { counted, pairs: [] }
}

/** A preset takes the ids of both as they are: those of its data set's classes. */
function idsOf({ preset, ids = 'labelIds', reduceZeroLabel }: MetricsFlags): IdKinds {
  if (preset === undefined) return { truthIds: 'labelIds', predictionIds: ids }
  return { truthIds: 'trainIds', predictionIds: 'trainIds', reduceZeroLabel }
}

/** The official script scores train ids as label ids too, and nothing but the score shows it. */
function noteTrainIds(
  { preset, ids }: MetricsFlags,
  pairs: readonly PairToEvaluate[],
  terminal: Terminal,
): void {
  if (preset !== undefined || ids !== undefined) return
  const named = pairs.map(({ prediction }) => prediction).filter((path) => /trainIds/i.test(basename(path)))
  if (named.length === 0) return
  terminal.err(
    `note: ${named.length} of ${pairs.length} predictions are read as label ids though named as train ids, such as ` +
      `${named[0]}; give --ids trainIds if that is what they hold.\n`,
  )
}

function findPairs(flags: MetricsFlags): Promise<PairToEvaluate[]> {
  const { gt, pred, preset, split, instances, out } = flags
  if (preset === undefined) return matchPairs({ dataset: gt, results: pred, split, instances, output: out })
  if (gt === undefined || pred === undefined)
    throw new InverseFormError('invalid-argument', `--preset ${preset} was given without two folders.`, {
      hint: "Name the truths' folder with --gt and the predictions' with --pred.",
    })
  return matchByStem({
    truth: gt,
    predictions: pred,
    truthSuffix: flags.gtSuffix,
    predictionSuffix: flags.predSuffix,
    output: out,
  })
}

/** Where the official result goes, found out before any work is done. */
async function officialPath({ officialJson, merge, gt }: MetricsFlags): Promise<string | undefined> {
  if (officialJson !== true) return officialJson
  const { CITYSCAPES_DATASET, CITYSCAPES_EXPORT_DIR } = process.env
  if (merge !== undefined && !CITYSCAPES_DATASET && !CITYSCAPES_EXPORT_DIR)
    throw new InverseFormError(
      'invalid-argument',
      '--official-json was given with --merge and without a file.',
      {
        hint: 'Name the file to write: --official-json <file>.',
      },
    )
  return officialResultPath({ dataset: gt })
}

function officialText({ official }: MetricsReport): string {
  if (official !== undefined) return officialJson(official)
  throw new InverseFormError('invalid-dataset', 'The merged states have no official evaluation.', {
    hint: 'Leave out --official-json.',
  })
}
