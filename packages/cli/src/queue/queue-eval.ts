import { resolve } from 'node:path'
import { openModel } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import { InverseFormError, type InverseFormErrorCode } from '@inverseform/errors'
import type { Connection, ImageResult } from '@inverseform/queue'
import { withoutSecrets } from '@inverseform/shared'
import { sha256Of } from '@inverseform/shared/node'
import { checkDataFlags } from '../evaluation/data-flags.js'
import { factsOfFlags, noteUnpaired, plainStems } from '../evaluation/evaluate.js'
import { secondsSince } from '../evaluation/evaluate-images.js'
import { filesOf } from '../evaluation/evaluate-run.js'
import type { Evaluation } from '../evaluation/evaluation.js'
import { classesOf, fetchInverseNet } from '../evaluation/open-networks.js'
import { folderRules, type OpenRun, reportRun } from '../evaluation/report-run.js'
import type { RunFacts } from '../evaluation/run-facts.js'
import { readIds } from '../evaluation/scored-classes.js'
import { settingsOf } from '../evaluation/settings.js'
import { fetchCheckpoint } from '../options/checkpoint.js'
import { readClassNames } from '../options/class-names.js'
import { segmenterChoice } from '../options/model.js'
import { noteOnTensors } from '../output/text/segmenter-notes.js'
import type { Printer } from '../printer.js'
import { checkFolder, checkRunFlags, holdFolder } from '../state/output-folder.js'
import { idOfPlan } from '../state/run-plan.js'
import { sizesOf } from '../state/run-state.js'
import { version } from '../version.js'
import type { QueueEvalFlags } from './flags.js'
import { type Listing, listSamples } from './listing.js'
import { loadQueue, noteOnMemory, type QueuePackage, redisUrl } from './load-queue.js'
import { parseResult } from './queued-result.js'
import { pickWorkFlags, type RunWork } from './run-work.js'

/** Characters of a plan's hash that name its run. */
const ID_LENGTH = 16

/** Seconds that a finished run stays in Redis. */
export const KEPT = 7 * 24 * 60 * 60

/** Evaluates a checkpoint on the workers of a queue. Writes what `eval` writes. */
export async function queueEval(flags: QueueEvalFlags, printer: Printer, signal: AbortSignal): Promise<void> {
  const { out } = flags
  checkFlags(flags)
  const queue = await loadQueue()
  const url = redisUrl(flags)
  const listing = await listSamples(flags)
  noteUnpaired(listing.dataset, flags, printer)
  const run = await describeRun(flags, listing, printer, signal)
  await using output = out === undefined ? undefined : await holdFolder(out, { printer, signal })
  const stored = output && (await checkFolder(folderRules(output.folder, flags)))
  await using connection = await queue.connect(url, { onNote: (note) => printer.note(note) })
  await noteOnMemory(connection, printer)
  const goesOn = await prepare(queue, connection, run, flags)
  printer.line(`Run ${run.id}, ${run.description.images.length} images, on ${connection.address}.`)
  if (listing.root !== undefined) printer.line(`Workers read the files that are in ${listing.root} here.`)
  if (flags.detach) {
    if (goesOn) await reopen(queue, connection, run, flags)
    await queue.submit(connection, run)
    printer.log.event('info', 'run-submitted', { run: run.id, images: run.description.images.length })
    printer.out(`${run.id}\n`)
    return
  }
  const devices = new Set<string>()
  await reportRun(
    {
      ...run.report,
      queued: run.id,
      device: () => (devices.size > 0 ? [...devices].sort().join('; ') : run.report.facts.device),
      json: flags.json,
      onError: flags.onError,
      output,
      stored,
    },
    (open) => collect({ queue, connection, run, goesOn, flags, devices, printer, signal }, open),
    printer,
    signal,
  )
}

function checkFlags(flags: QueueEvalFlags): void {
  checkDataFlags(flags)
  // A run that is only submitted is in Redis alone.
  checkRunFlags(flags, flags.detach ? '' : flags.out)
  const { out, detach, images, imageList, scales } = flags
  // Networks refuse such scales, and each worker that took the run would end.
  if (scales && !(scales.includes(1) && scales.every((scale) => scale <= 8))) {
    throw new InverseFormError(
      'invalid-argument',
      `--scales must be numbers up to 8 that include 1, got ${scales.join()}.`,
      { hint: 'Add 1, the scale at which the others are blended.' },
    )
  }
  if (out === undefined && !detach) {
    throw new InverseFormError('invalid-argument', 'queue eval needs --out, or --detach.', {
      hint: 'Pass --out with a folder for the results, or --detach to collect them later.',
    })
  }
  if (imageList !== undefined && images !== undefined) {
    throw new InverseFormError('invalid-argument', '--image-list cannot be used with --images.', {
      hint: 'Pass --data with the folder or the URL that has the images of the list.',
    })
  }
}

type QueuedRun = Awaited<ReturnType<typeof describeRun>>

/** Finds out what a run is, without running its network. */
async function describeRun(flags: QueueEvalFlags, listing: Listing, printer: Printer, signal: AbortSignal) {
  const choice = segmenterChoice(flags)
  const ids = flags.ids === undefined ? undefined : await readIds(flags.ids)
  const named = flags.classNames === undefined ? undefined : await readClassNames(flags.classNames)
  const { dataset } = listing
  const samples = dataset.samples.slice(0, flags.limit)
  const scored = samples.some(({ labelIds }) => labelIds !== undefined)
  if (!scored) {
    throw new InverseFormError('invalid-dataset', 'No image has a label file to score against.', {
      hint: 'Evaluate another split. For predictions, use `inverseform eval --save-predictions`, with --shard on several machines.',
    })
  }
  const checkpoint = await fetchCheckpoint(choice.checkpoint, { printer, signal, flag: '--checkpoint' })
  await using source = await fileSource(checkpoint)
  const edgeHead = choice.edgeHead || (flags.compareEdgeHead ?? false)
  const { model, numClasses, report } = await openModel(source, {
    key: choice.key,
    model: choice.model,
    numClasses: choice.numClasses,
    edgeHead,
  })
  noteOnTensors({ model, numClasses, report }, printer)
  const { classes, names } = classesOf(flags, { outputs: numClasses, ids, named }, printer)
  const inverseNet = await fetchInverseNet(flags, edgeHead, printer, signal)
  const hashes = {
    checkpoint: await sha256Of(checkpoint, signal),
    inverseNet: inverseNet === undefined ? undefined : await sha256Of(inverseNet, signal),
  }
  const { device, precision } = flags
  const segmenter = { model, numClasses, edgeHead, device, precision }
  const plan = {
    command: 'eval' as const,
    program: version,
    settings: settingsOf({ ...flags, pictures: 0 }, { segmenter, classes, names, ids, named, hashes }),
    images: plainStems(samples),
  }
  const facts: RunFacts = {
    ...factsOfFlags(flags, dataset),
    title: `${model} on ${flags.images ?? flags.split}`,
    names,
    palette: named?.palette,
    model,
    checkpoint: withoutSecrets(choice.checkpoint),
    edgeHead,
    device: device === 'auto' ? 'those of the workers' : device,
    workers: 1,
  }
  const { numClasses: count, ignoreIndex } = classes
  const work: RunWork = {
    flags: pickWorkFlags(flags),
    checkpoint: { name: nameOf(choice.checkpoint, checkpoint), sha256: hashes.checkpoint },
    inverseNet:
      inverseNet === undefined
        ? undefined
        : {
            name: nameOf(flags.inversenet as string, inverseNet),
            sha256: hashes.inverseNet as string,
          },
    ids,
    named: named && { names: named.names, palette: named.palette },
    classes: { numClasses: count, ignoreIndex },
    facts,
    samples: listing.queued.slice(0, flags.limit),
  }
  const byStem = new Map(plan.images.map((stem, i) => [stem, samples[i]]))
  const readable = (name: string) => {
    const sample = listing.root === undefined || flags.imageList !== undefined ? undefined : byStem.get(name)
    return sample && filesOf(sample)
  }
  return {
    id: idOfPlan(plan).slice(0, ID_LENGTH),
    description: { program: version, title: facts.title, images: plan.images, work },
    report: {
      classes,
      facts,
      settings: async () => plan.settings,
      stems: plan.images,
      images: plan.images,
      scored,
      filesOf: readable,
    },
  }
}

/** Files are found by their paths, published models and URLs by what was given. */
const nameOf = (given: string, path: string) => (path === given ? resolve(path) : given)

/**
 * Decides what happens with what Redis has of the run.
 * @returns whether the run goes on that is there
 */
async function prepare(
  queue: QueuePackage,
  connection: Connection,
  { id }: QueuedRun,
  { resume, restart }: QueueEvalFlags,
): Promise<boolean> {
  const before = (await queue.listRuns(connection)).find((run) => run.id === id)
  if (before === undefined) return false
  if (restart || (before.state === 'finished' && !resume)) {
    await queue.removeRun(connection, id)
    return false
  }
  if (!resume) {
    throw new InverseFormError('invalid-argument', `Redis has the unfinished run ${id} with these options.`, {
      hint: 'Pass --resume to go on with it and take its results, or --restart to start anew.',
      details: { run: id },
    })
  }
  return true
}

/** Lets workers take images of a run that is there, also those that failed. */
async function reopen(
  queue: QueuePackage,
  connection: Connection,
  { id, description }: QueuedRun,
  { onError }: QueueEvalFlags,
): Promise<void> {
  await queue.keepRun(connection, id)
  const isFailure = ({ payload }: ImageResult) =>
    onError === 'stop' && (payload as { failure?: unknown }).failure !== undefined
  await queue.retry(connection, id, description.images, isFailure)
  await queue.setState(connection, id, 'open')
}

interface Collecting {
  readonly queue: QueuePackage
  readonly connection: Connection
  readonly run: QueuedRun
  /** Whether Redis has the run already. */
  readonly goesOn: boolean
  readonly flags: QueueEvalFlags
  readonly devices: Set<string>
  readonly printer: Printer
  readonly signal: AbortSignal
}

/** Takes the results of the images that are to do. */
async function collect(
  { queue, connection, run, goesOn, flags, devices, printer, signal }: Collecting,
  { state, toDo, onDone, onSkip }: OpenRun,
): Promise<void> {
  if (state === undefined) return
  const finish = async () => {
    await queue.setState(connection, run.id, 'finished')
    await queue.expireRun(connection, run.id, KEPT)
  }
  if (toDo.length === 0) {
    const there = (await queue.listRuns(connection)).find(({ id }) => id === run.id)
    // A process that was killed may have left it open. While images are left, somebody else may collect them.
    if (there?.waiting === 0 && there.active === 0) await finish()
    return
  }
  const { classes } = run.report
  let counted = performance.now()
  const skip = async (name: string, code: InverseFormErrorCode, error: string) => {
    if (flags.onError === 'stop') {
      throw new InverseFormError(code, error, {
        hint: 'Pass --on-error skip to go on without such images.',
        details: { image: name },
      })
    }
    const bytes = await sizesOf(run.report.filesOf(name) ?? [])
    const skipped = { name, code, error }
    await state.add([{ name, bytes, outputs: [] }], (to) => to.skip(skipped))
    onSkip(skipped)
  }
  try {
    if (goesOn) await reopen(queue, connection, run, flags)
    await queue.collect(connection, {
      id: run.id,
      description: run.description,
      isDone: (image) => state.has(image),
      async onResult({ image, payload }) {
        const result = read(payload, image, classes, secondsSince(counted))
        if (result === undefined) return 'its result has another form'
        const files = run.report.filesOf(image)
        const bytes = files === undefined ? result.bytes : await sizesOf(files)
        const { failure, evaluation, device } = result
        if (failure) {
          await skip(image, failure.code as InverseFormErrorCode, failure.error)
          return undefined
        }
        if (bytes.join() !== result.bytes.join()) return 'the worker read files of other sizes'
        counted = performance.now()
        devices.add(device)
        await state.add([{ name: image, bytes, outputs: [] }], (to) => to.merge(evaluation))
        const { scored, tiles, seconds } = evaluation
        onDone({ stem: image, meanIou: scored[0]?.meanIou, tiles, seconds, device })
        return undefined
      },
      onGivenUp: (image, reason) => skip(image, 'inference-failed', `${image}: ${reason}`),
      onNote: (note) => printer.note(note),
      signal,
    })
    await state.flush()
    await finish()
  } catch (error) {
    if (signal.aborted) printer.line(`The workers go on with run ${run.id}.`)
    else if (connection.redis.status === 'ready') {
      // An error of this must not hide the first one.
      await queue.setState(connection, run.id, 'stopped').catch(() => {})
    }
    throw error
  }
}

function read(
  payload: unknown,
  image: string,
  classes: ConstructorParameters<typeof Evaluation>[0],
  seconds: number,
) {
  try {
    return parseResult(payload, image, classes, seconds)
  } catch {
    return undefined
  }
}
