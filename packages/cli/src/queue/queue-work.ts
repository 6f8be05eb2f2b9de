import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import type { Processor, Run, WorkEvent } from '@inverseform/queue'
import { openNetworks } from '../evaluation/open-networks.js'
import { segmenterChoice } from '../options/model.js'
import { deviceName } from '../output/text/segmenter-notes.js'
import type { Printer } from '../printer.js'
import { version } from '../version.js'
import { openDataSource } from './data-source.js'
import type { QueueWorkFlags } from './flags.js'
import { loadQueue, noteOnMemory, redisUrl } from './load-queue.js'
import { evaluateQueued, type QueuedResult } from './queued-result.js'
import { type NamedFile, parseWork } from './run-work.js'
import { WorkLog } from './work-log.js'

/** Evaluates images of the runs in a queue, until it is interrupted. */
export async function queueWork(flags: QueueWorkFlags, printer: Printer, signal: AbortSignal): Promise<void> {
  const data = flags.data ?? process.env.CITYSCAPES_DATASET
  if (!data) {
    throw new InverseFormError('invalid-argument', 'No data were given.', {
      hint: 'Pass --data with the folder or the URL that has the images, or set the environment variable CITYSCAPES_DATASET.',
    })
  }
  const url = redisUrl(flags)
  const queue = await loadQueue()
  const { metricsPort: port, metricsHost: host } = flags
  await using metrics = port === undefined ? undefined : await queue.serveMetrics({ port, host })
  await using connection = await queue.connect(url, { onNote: (note) => printer.note(note) })
  await noteOnMemory(connection, printer)
  printer.line(`Waiting for runs of version ${version} on ${connection.address}.`)
  if (metrics) printer.line(`Metrics are at ${metrics.url}.`)
  const log = new WorkLog(printer)
  const work = queue.work(connection, {
    program: version,
    open: (run) => open(run, { flags, data, log, printer, signal }),
    onLeave: () => log.leave(),
    untilEmpty: flags.untilEmpty,
    lease: 1000 * flags.lease,
    grace: 1000 * flags.grace,
    onNote: (note) => printer.note(note),
    onEvent(event: WorkEvent) {
      log.add(event)
      metrics?.count(event, (payload) => {
        const { failure, seconds } = payload as QueuedResult
        return { outcome: failure === undefined ? 'done' : 'skipped', seconds }
      })
    },
    signal,
  })
  await work.finally(() => log.end())
}

interface Working {
  readonly flags: QueueWorkFlags
  readonly data: string
  readonly log: WorkLog
  readonly printer: Printer
  readonly signal: AbortSignal
}

/** Opens what a run needs. @throws InverseFormError if this worker does not have it */
async function open(
  { id, description }: Run,
  { flags, data, log, printer, signal }: Working,
): Promise<Processor> {
  const work = parseWork(id, description)
  const { images } = description
  const source = openDataSource(data)
  await source.check(work.samples[0])
  const device = chosenDevice(id, work.flags.device, flags.device)
  const isPlain = work.flags.images !== undefined
  const merged = {
    ...flags,
    ...work.flags,
    device,
    checkpoint: flags.checkpoint ?? work.checkpoint.name,
    inversenet: work.inverseNet && (flags.inversenet ?? work.inverseNet.name),
    ignoreIndex: isPlain
      ? work.classes.ignoreIndex === null
        ? ('none' as const)
        : work.classes.ignoreIndex
      : undefined,
  }
  const { ids, named } = work
  printer.line(`Run ${id}: ${description.title}, ${images.length} images.`)
  // Errors of loading are of this run, and others may do without.
  const networks = await openNetworks(
    merged,
    { choice: segmenterChoice(merged), ids, named, images: images.length },
    printer,
    signal,
  ).catch((error) => {
    throw isInverseFormError(error) && isOfSettings(error) ? inWordsOfRun(error, work.checkpoint) : error
  })
  try {
    const { segmenter } = networks
    const hashes = await networks.hashes()
    checkFile('checkpoint', merged.checkpoint, hashes.checkpoint, work.checkpoint)
    if (work.inverseNet) {
      checkFile('InverseNet', merged.inversenet as string, hashes.inverseNet, work.inverseNet)
    }
    const { precision } = work.flags
    if (precision !== 'auto' && segmenter.precision !== precision) {
      throw other(`it is to run in ${precision}, but ${segmenter.device} runs in ${segmenter.precision}`)
    }
    const samples = new Map(images.map((image, i) => [image, work.samples[i]]))
    log.start({
      run: id,
      images: images.length,
      model: segmenter.model,
      checkpoint: merged.checkpoint,
      data,
      device: deviceName(segmenter),
      workers: segmenter.workers,
    })
    return {
      concurrency: segmenter.workers + source.ahead,
      device: deviceName(segmenter),
      process: (stem, aborted) =>
        evaluateQueued({
          stem,
          queued: samples.get(stem) as (typeof work.samples)[number],
          source,
          networks,
          options: { scales: work.flags.scales, flip: work.flags.flip, maxPixels: flags.maxPixels },
          device: segmenter.device,
          signal: aborted,
        }),
      [Symbol.asyncDispose]: () => networks[Symbol.asyncDispose](),
    }
  } catch (error) {
    await networks[Symbol.asyncDispose]()
    throw error
  }
}

/** A run may say which device computes it, so that all of its labels are those of this device. */
function chosenDevice(
  id: string,
  ofRun: QueueWorkFlags['device'],
  ofWorker: QueueWorkFlags['device'],
): QueueWorkFlags['device'] {
  if (ofRun === 'auto') return ofWorker
  if (ofWorker === 'auto' || ofWorker === ofRun) return ofRun
  throw other(`run ${id} is for ${ofRun}, and this worker runs on ${ofWorker}`)
}

function checkFile(what: string, name: string, found: string | undefined, { sha256 }: NamedFile): void {
  if (found === sha256) return
  throw new InverseFormError(
    'checkpoint-mismatch',
    `${name} is not the ${what} of the run: its SHA-256 is ${found}, not ${sha256}.`,
    { hint: 'Pass --checkpoint with the file of the run.', details: { name } },
  )
}

const isOfSettings = ({ code }: InverseFormError) => code === 'not-found'

const inWordsOfRun = ({ code, message, details, cause }: InverseFormError, { name, sha256 }: NamedFile) =>
  new InverseFormError(code, message, {
    hint: `The run names its checkpoint ${name}. Pass --checkpoint with this file, whose SHA-256 is ${sha256}.`,
    details,
    cause,
  })

const other = (why: string) =>
  new InverseFormError('invalid-argument', `This worker cannot take the run: ${why}.`, {
    hint: 'Start a worker with what the run needs.',
  })
