import { join, resolve } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { writeWholeFile } from '@inverseform/shared/node'
import type { Command } from 'commander'
import { checkRelative, copyOutputs } from '../evaluation/copy-outputs.js'
import { Evaluation } from '../evaluation/evaluation.js'
import { parseFacts, type RunFacts } from '../evaluation/run-facts.js'
import { ImagesSkipped } from '../on-error.js'
import { addLogOption } from '../options/log.js'
import { reportFiles, resultsJson, writeReport } from '../output/evaluation/report.js'
import { reportOf } from '../output/evaluation/report-of.js'
import { evaluationText } from '../output/evaluation/text.js'
import type { Printer } from '../printer.js'
import { DamagedState } from '../state/checked-file.js'
import { checkFolder, holdFolder, STATE } from '../state/output-folder.js'
import { hasFormat } from '../state/results-format.js'
import { idOfPlan } from '../state/run-plan.js'
import { partFiles, readPart, readRun } from '../state/run-state.js'
import { checkComplete, type ShardFolder } from '../state/shards.js'
import { version } from '../version.js'

interface MergeFlags {
  readonly out?: string
  readonly json?: boolean
}

export function setUpMerge(command: Command, printer: Printer, signal: AbortSignal): void {
  addLogOption(command)
    .argument('<folders...>', 'the --out of each run of eval --shard')
    .option('--out <folder>', 'write the page, results.json, pictures and predictions of the whole run here')
    .option('--json', 'print the results as JSON')
    .addHelpText(
      'after',
      `
Example:
  inverseform eval --checkpoint hrnet16-slim --data cityscapes --shard 0/2 --out part-0
  inverseform eval --checkpoint hrnet16-slim --data cityscapes --shard 1/2 --out part-1
  inverseform merge part-0 part-1 --out report`,
    )
    .action((folders: string[], flags: MergeFlags) => mergeCommand(folders, flags, printer, signal))
}

/** Adds up the shards of an evaluation, to the results of one run. */
async function mergeCommand(
  folders: readonly string[],
  { out, json }: MergeFlags,
  printer: Printer,
  signal: AbortSignal,
): Promise<void> {
  if (out !== undefined) checkOut(out, folders)
  printer.log.start({ command: 'merge', version, shards: folders.length })
  const shards = await Promise.all(folders.map(readShard))
  checkComplete(shards)
  const [{ plan }] = shards
  const facts = mergedFacts(shards.map(({ facts }) => facts))
  const evaluation = shards[0].data
  for (const { data } of shards.slice(1)) evaluation.merge(data)
  const { images: stems } = plan
  const context = { stems, images: stems.length }
  const report = reportOf(evaluation, facts, context)
  if (json) printer.out(resultsJson(report))
  else printer.out(evaluationText(report))
  if (out !== undefined) {
    await using output = await holdFolder(out, { printer, signal })
    await checkFolder({
      folder: output.folder,
      state: join(output.folder, STATE),
      outputs: [...reportFiles, 'images', 'predictions'],
      unfinishedHint: 'Write the merged results to another folder.',
      isOurs: () => hasFormat(join(output.folder, 'results.json'), 'inverseform.evaluation'),
    })
    // Says whose folder it is from the start: a merge that is killed may be repeated.
    const partial = {
      scored: report.scored.length,
      total: stems.length,
      reason: 'The merge has not ended.',
    }
    const unfinished = reportOf(evaluation, facts, { ...context, partial })
    await writeWholeFile(join(output.folder, 'results.json'), resultsJson(unfinished))
    for (const { folder, done } of shards) await copyOutputs(folder, output.folder, done, signal)
    await writeReport(output.folder, report)
    printer.line(`Wrote ${join(output.folder, 'index.html')}`)
  }
  if (evaluation.skipped.length > 0) throw new ImagesSkipped(evaluation.skipped, stems.length)
}

function checkOut(out: string, folders: readonly string[]): void {
  const same = folders.find((folder) => resolve(folder) === resolve(out))
  if (same === undefined) return
  throw new InverseFormError('invalid-argument', `--out is ${out}, which is one of the folders to merge.`, {
    hint: 'Write the merged results to another folder.',
  })
}

interface Shard extends ShardFolder {
  readonly facts: RunFacts
  readonly data: Evaluation
}

/** @throws InverseFormError `not-found` or `unreadable` */
async function readShard(folder: string): Promise<Shard> {
  const state = join(folder, STATE)
  const run = await readRun(state)
  if (run === undefined) throw notAShard(folder, 'not-found', `${folder} has no run of eval.`)
  if (run === 'damaged') throw notAShard(folder, 'unreadable', `${join(state, 'run.json')} is damaged.`)
  const { plan, report } = run
  if (plan.command !== 'eval') {
    throw new InverseFormError('invalid-argument', `${folder} has a run of ${plan.command}, not of eval.`, {
      hint:
        plan.command === 'metrics'
          ? 'Use `inverseform metrics --merge` with the state.json of each folder.'
          : 'Pass the --out of each run of eval --shard.',
    })
  }
  for (const name of plan.images) checkRelative(folder, name)
  const facts = parseFacts(report)
  const { classes: numClasses, 'ignore index': ignore } = plan.settings
  if (facts === undefined || typeof numClasses !== 'number' || facts.names.length !== numClasses) {
    throw notAShard(folder, 'unreadable', `${join(state, 'run.json')} is not of a run of eval.`)
  }
  const ignoreIndex = typeof ignore === 'string' ? undefined : (ignore as number | null)
  const classes = { numClasses, ignoreIndex }
  const kind = {
    create: () => new Evaluation(classes),
    fromJSON: (json: unknown) => Evaluation.fromJSON(json, classes),
  }
  const data = kind.create()
  const done = []
  for (const path of await partFiles(state)) {
    const part = await readPart(path, idOfPlan(plan), kind).catch((error) => {
      if (!(error instanceof DamagedState)) throw error
      throw notAShard(folder, 'unreadable', `${path} is damaged.`)
    })
    data.merge(part.data)
    done.push(...part.images)
  }
  const names = new Set(done.map(({ name }) => name))
  const stems = [...data.scored, ...data.pictured].map(({ stem }) => stem)
  const unknown = [...stems, ...data.skipped.map(({ name }) => name)].filter((name) => !names.has(name))
  if (unknown.length > 0) {
    throw notAShard(
      folder,
      'unreadable',
      `${state} has results of images that it does not list: ${listFew(unknown, 3)}.`,
    )
  }
  return { folder, plan, facts, data, done }
}

const notAShard = (folder: string, code: 'not-found' | 'unreadable', message: string) =>
  new InverseFormError(code, message, {
    hint: 'Run eval again with the same options, --resume and that folder as --out.',
    details: { folder },
  })

/** Returns the facts of the first run, with the devices of all. */
function mergedFacts(all: readonly RunFacts[]): RunFacts {
  const devices = [...new Set(all.map(({ device }) => device))]
  const workers = all.reduce((sum, { workers }) => sum + workers, 0)
  return { ...all[0], device: devices.join('; '), workers: all.length === 1 ? all[0].workers : workers }
}
