import { InverseFormError } from '@inverseform/errors'
import type { Connection, RunSummary } from '@inverseform/queue'
import { Evaluation } from '../evaluation/evaluation.js'
import { resultsJson } from '../output/evaluation/report.js'
import { reportOf } from '../output/evaluation/report-of.js'
import { evaluationText } from '../output/evaluation/text.js'
import { columns } from '../output/text/columns.js'
import { partialText } from '../output/text/early-end.js'
import type { Printer } from '../printer.js'
import type { QueueStatusFlags } from './flags.js'
import { loadQueue, type QueuePackage, redisUrl } from './load-queue.js'
import { parseResult } from './queued-result.js'
import { parseWork } from './run-work.js'

/** Shows the runs and workers of a queue, or the scores of a run so far. */
export async function queueStatus(
  id: string | undefined,
  flags: QueueStatusFlags,
  printer: Printer,
): Promise<void> {
  const url = redisUrl(flags)
  const queue = await loadQueue()
  await using connection = await queue.connect(url, { onNote: (note) => printer.note(note) })
  if (id !== undefined) return await showRun(id, { queue, connection, flags, printer })
  const runs = await queue.listRuns(connection)
  const workers = await queue.listWorkers(connection)
  if (flags.json) return printer.json({ runs, workers })
  if (runs.length === 0) printer.out('There are no runs.\n')
  else printer.out(columns([RUN_HEADINGS, ...runs.map(runRow)]))
  printer.out('\n')
  if (workers.length === 0) return printer.out('There are no workers.\n')
  const rows = workers.map(({ host, process: id, device = '', run = 'waiting', done, program }) => [
    `${host} ${id}`,
    device,
    run,
    `${done}`,
    program,
  ])
  printer.out(columns([['worker', 'device', 'run', 'images', 'version'], ...rows]))
}

const RUN_HEADINGS = ['run', 'state', 'done', 'active', 'waiting', 'failed', 'images/s', 'version', 'what']

const runRow = (run: RunSummary): string[] => [
  run.id,
  run.state,
  `${run.done}/${run.images}`,
  `${run.active}`,
  `${run.waiting}`,
  `${run.failed}`,
  run.rate.toFixed(2),
  run.program,
  run.title,
]

interface Shown {
  readonly queue: QueuePackage
  readonly connection: Connection
  readonly flags: QueueStatusFlags
  readonly printer: Printer
}

async function showRun(id: string, { queue, connection, flags, printer }: Shown): Promise<void> {
  const summary = (await queue.listRuns(connection)).find((run) => run.id === id)
  const description = await queue.readRun(connection, id)
  const { classes, facts } = parseWork(id, description)
  const { images } = description
  const evaluation = new Evaluation(classes)
  for await (const { image, payload } of queue.resultsOf(connection, id, queue.imagesByJob(images))) {
    try {
      evaluation.merge(parseResult(payload, image, classes, 0).evaluation)
    } catch {
      printer.note(`The result of ${image} has another form, and is not shown.`)
    }
  }
  const scored = evaluation.scored.length
  const isPartial = scored + evaluation.skipped.length < images.length
  const partial = isPartial ? { scored, total: images.length, reason: 'The run goes on.' } : undefined
  const report = reportOf(evaluation, facts, { stems: images, images: images.length, partial })
  if (flags.json) return printer.out(resultsJson(report))
  if (summary) printer.out(`${columns([RUN_HEADINGS, runRow(summary)])}\n`)
  if (scored > 0) printer.out(`${partialText(partial)}${evaluationText(report)}`)
}

/** Removes a run with its results. */
export async function queueRemove(id: string, flags: QueueStatusFlags, printer: Printer): Promise<void> {
  const url = redisUrl(flags)
  const queue = await loadQueue()
  await using connection = await queue.connect(url, { onNote: (note) => printer.note(note) })
  if (!(await queue.hasRun(connection, id))) {
    throw new InverseFormError('not-found', `There is no run ${id}.`, {
      hint: 'List the runs with `inverseform queue status`.',
      details: { run: id },
    })
  }
  await queue.removeRun(connection, id)
  printer.line(`Removed run ${id}.`)
}
