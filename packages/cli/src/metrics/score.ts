import { basename, join } from 'node:path'
import type { ReportPartial } from '@inverseform/cityscapes'
import {
  evaluatePairs,
  type MetricSelection,
  matchByStem,
  matchPairs,
  type PairToEvaluate,
} from '@inverseform/cityscapes/node'
import type { InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import type { Command } from 'commander'
import { checkSomeDone, ImagesSkipped, type SkippedImage, skippedImage } from '../on-error.js'
import type { NamedClasses } from '../options/class-names.js'
import type { IdPairs } from '../options/id-map.js'
import { checkWritable } from '../output/check-writable.js'
import { reportFiles } from '../output/metrics/files.js'
import { afterError, noteHowToGoOn, partialOf } from '../output/text/early-end.js'
import type { Printer } from '../printer.js'
import { openState } from '../state/open-state.js'
import { checkFolder, type FolderRules, holdFolder, type RunFlags, STATE } from '../state/output-folder.js'
import { hasFormat } from '../state/results-format.js'
import type { RunPlan } from '../state/run-plan.js'
import { sizesOf } from '../state/run-state.js'
import { startImages } from '../state/start-images.js'
import type { MetricsFlags } from './flags.js'
import { MetricsCount } from './metrics-count.js'
import { inWordsOfPresets } from './preset-check.js'
import { idsOf, selectedMetrics } from './selection.js'
import type { Counted } from './state.js'

/** What was counted, to print and to write. */
export interface Scored {
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

/** Scores pairs of label maps. With `--out`, keeps the state there, so that a killed run can be resumed. */
export async function score(flags: MetricsFlags, context: ScoreContext): Promise<void> {
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
    printer.log.imageSkipped(pair.name, error)
    skipping.push(record([pair], (to) => to.skip(skippedImage(pair.name, error))))
  }
  const progress = startImages(printer, {
    command: 'metrics',
    run: state?.id,
    images: pairs.length,
    done: pairs.length - toDo.length,
    data: flags.gt,
    predictions: flags.pred,
  })
  try {
    await evaluatePairs(toDo, {
      metrics: selection,
      ...idsOf(flags),
      idMap,
      workers: flags.workers,
      maxPixels: flags.maxPixels,
      signal,
      onProgress({ name, seconds }) {
        if (seconds) printer.log.imageDone(name, { ...seconds })
        progress.step()
      },
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
    noteHowToGoOn(printer, error, { done: state?.size ?? 0, total: pairs.length, onError: flags.onError })
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
