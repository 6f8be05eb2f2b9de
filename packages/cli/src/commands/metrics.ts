import { readFile } from 'node:fs/promises'
import { officialJson } from '@inverseform/cityscapes'
import {
  evaluatePairs,
  type Metrics,
  matchByStem,
  matchPairs,
  mergeMetrics,
  metricsFromJSON,
  officialResultPath,
  type PairToEvaluate,
  type PixelIds,
} from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import { type SelectionFlags, selectedMetrics } from '../metrics-selection.js'
import { makeFolder, writeOutput } from '../output/files.js'
import type { IdKinds } from '../output/metrics-pictures.js'
import {
  type MetricsReport,
  metricsJson,
  reportOf,
  stateJson,
  writeMetricsReport,
} from '../output/metrics-report.js'
import { metricsText } from '../output/metrics-text.js'
import { Progress } from '../progress.js'
import type { Terminal } from '../terminal.js'

export interface MetricsFlags extends SelectionFlags {
  readonly gt?: string
  readonly pred?: string
  readonly split: string
  readonly ids: PixelIds
  readonly gtSuffix: string
  readonly predSuffix: string
  readonly workers?: number
  readonly officialJson?: string | true
  readonly worst: number
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
  const officialFile = await officialPath(flags)
  if (flags.out !== undefined) await makeFolder(flags.out)
  const started = performance.now()
  const { metrics, pairs } = await (flags.merge === undefined
    ? evaluate(flags, terminal, signal)
    : mergeFiles(flags.merge))
  const seconds = (performance.now() - started) / 1000

  const report = reportOf(metrics, { flags, pairs, ids: idsOf(flags), seconds })
  if (flags.saveState !== undefined) await writeOutput(flags.saveState, stateJson(metrics))
  if (officialFile !== undefined) await writeOfficial(officialFile, report, terminal)
  terminal.out(flags.json ? metricsJson(report) : metricsText(report))
  if (flags.out !== undefined) terminal.err(`Wrote ${await writeMetricsReport(flags.out, report, signal)}\n`)
}

/** What was counted, and the files it was counted in, where these are at hand. */
interface Counted {
  readonly metrics: Partial<Metrics>
  readonly pairs: readonly PairToEvaluate[]
}

async function evaluate(flags: MetricsFlags, terminal: Terminal, signal: AbortSignal): Promise<Counted> {
  const selection = selectedMetrics(flags)
  const pairs = await findPairs(flags)
  const progress = new Progress(terminal, 'images', pairs.length)
  const metrics = await evaluatePairs(pairs, {
    metrics: selection,
    ...idsOf(flags),
    workers: flags.workers,
    signal,
    onProgress: () => progress.step(),
  }).finally(() => progress.end())
  return { metrics, pairs }
}

/** A preset takes the ids of both as they are: those of its data set's classes. */
function idsOf({ preset, ids, reduceZeroLabel }: MetricsFlags): IdKinds {
  if (preset === undefined) return { truthIds: 'labelIds', predictionIds: ids }
  return { truthIds: 'trainIds', predictionIds: 'trainIds', reduceZeroLabel }
}

function findPairs(flags: MetricsFlags): Promise<PairToEvaluate[]> {
  const { gt, pred, preset, split, instances } = flags
  if (preset === undefined) return matchPairs({ dataset: gt, results: pred, split, instances })
  if (gt === undefined || pred === undefined)
    throw new InverseFormError('invalid-argument', `--preset ${preset} was given without two folders.`, {
      hint: "Name the truths' folder with --gt and the predictions' with --pred.",
    })
  return matchByStem({
    truth: gt,
    predictions: pred,
    truthSuffix: flags.gtSuffix,
    predictionSuffix: flags.predSuffix,
  })
}

async function mergeFiles([first, ...others]: string[]): Promise<Counted> {
  const metrics = await readState(first)
  for (const file of others) mergeMetrics(metrics, await readState(file))
  return { metrics, pairs: [] }
}

async function readState(file: string): Promise<Partial<Metrics>> {
  try {
    return metricsFromJSON(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    const { message, code } = cause as NodeJS.ErrnoException
    throw new InverseFormError(
      code === 'ENOENT' ? 'not-found' : 'unreadable',
      code === 'ENOENT' ? `There is no file ${file}.` : `${file}: ${message}`,
      { hint: 'Merge what --save-state wrote.', details: { file }, cause },
    )
  }
}

/** Where the official result goes, found out before any work is done. */
async function officialPath({ officialJson, preset, gt }: MetricsFlags): Promise<string | undefined> {
  if (officialJson === undefined) return undefined
  if (preset !== undefined)
    throw new InverseFormError(
      'invalid-argument',
      `--official-json has no meaning with --preset ${preset}.`,
      {
        hint: 'Leave one of them out.',
      },
    )
  return officialJson === true ? officialResultPath({ dataset: gt }) : officialJson
}

async function writeOfficial(file: string, { official }: MetricsReport, terminal: Terminal): Promise<void> {
  if (official === undefined)
    throw new InverseFormError('invalid-dataset', 'The merged states have no official evaluation.', {
      hint: 'Leave out --official-json.',
    })
  await writeOutput(file, officialJson(official))
  terminal.err(`Wrote ${file}\n`)
}
