import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type ReportFacts,
  type ReportImage,
  type Rgb,
  type TrainingEvaluationRecord,
  trainingReportHtml,
} from '@inverseform/cityscapes'
import { checkArgument, checkInteger, InverseFormError } from '@inverseform/errors'
import { makeFolder, writeWholeFile } from '@inverseform/shared/node'
import type { StepResult } from '../../trainer.js'
import { evaluationLine, GrowingFile, type RunHistory, readMetrics, stepLine } from './metrics-file.js'
import { type EvaluatedPicture, PICTURES, readRunPictures, writeRunPictures } from './pictures.js'
import { restartEvent, scalarEvent, versionEvent } from './tensorboard.js'

export interface RunOptions {
  /** Step of the checkpoint that the run goes on from. What the folder has of later steps is dropped. */
  readonly resume?: number
  /** Title of the page. Default `Training`. */
  readonly title?: string
  /** Steps of the whole run. */
  readonly totalSteps?: number
  /** What the page says about the run: model, data set, options. */
  readonly facts?: ReportFacts
  /** Defaults to Cityscapes' classes for 19 classes, else to their ids. */
  readonly classNames?: readonly string[]
  /** Colors of the classes in pictures. Defaults to Cityscapes' palette. */
  readonly palette?: readonly Rgb[]
  /** Seconds between two writings of the page while the run goes on, and after which browsers load it again. Default 5. */
  readonly refresh?: number
}

/** A step that a run records. */
export interface RunStep extends Pick<StepResult, 'step' | 'loss' | 'terms' | 'learningRate'> {
  /** Duration of the step, and the images in it. */
  readonly seconds: number
  readonly images: number
}

const METRICS = 'metrics.jsonl'

/**
 * Opens the folder of a run, which it creates if needed. It holds
 *
 * - `metrics.jsonl`: a line of JSON a step and an evaluation,
 * - `events.out.tfevents.*`: the same for TensorBoard,
 * - `index.html` and `pictures`: curves, and pictures of the latest evaluation.
 *
 * A line is in the file before {@link Run.step} returns. Record an evaluation before the checkpoint of its step is written; then
 * a run that is killed and resumed has the lines of one that was not, apart from `imagesPerSecond`.
 *
 * @throws InverseFormError `invalid-argument` for a new run in a folder that has one; `not-found` when there is none to resume;
 *   `unreadable` for a file that is not of a run; `write-failed`
 *
 * @example
 * const run = await openRun('run', { totalSteps: 2000 })
 * await run.step({ ...(await trainer.step(batch)), seconds: 0.8, images: 1 })
 * await run.close()
 */
export async function openRun(folder: string, options: RunOptions = {}): Promise<Run> {
  checkArgument('folder', folder, typeof folder === 'string' && folder !== '', 'the path of a folder')
  const { resume, refresh = 5 } = options
  if (resume !== undefined) checkInteger('resume', resume, { min: 0 })
  checkInteger('refresh', refresh, { min: 1 })
  const path = join(folder, METRICS)
  const isThere = await hasRun(folder)
  if (isThere && resume === undefined) {
    throw new InverseFormError('invalid-argument', `${folder} has a run already.`, {
      hint: 'Resume it, or choose another folder.',
    })
  }
  if (!isThere && resume) {
    throw new InverseFormError('not-found', `${path} has no steps, so there is no run to resume.`, {
      hint: 'Pass the folder of the run.',
    })
  }
  await makeFolder(folder)
  const names = await readdir(folder)
  await Promise.all([removeTorn(folder), removeTorn(join(folder, PICTURES))])
  const history = isThere ? await readMetrics(path, resume ?? 0) : { steps: [], evaluations: [] }
  const seconds = Math.floor(Date.now() / 1000)
  const earlier = names.filter((name) => name.startsWith('events.out.tfevents.')).length
  // TensorBoard reads the files of a folder in the order of their names.
  const events = new GrowingFile(
    join(folder, `events.out.tfevents.${seconds}.${String(earlier).padStart(4, '0')}`),
    'wx',
  )
  events.add(versionEvent(Date.now() / 1000))
  if (resume !== undefined) events.add(restartEvent(Date.now() / 1000, resume + 1))
  const pictures = history.evaluations.length > 0 ? await readRunPictures(folder) : []
  const run = new Run(folder, options, history, pictures, new GrowingFile(path, 'a'), events)
  await run.writePage()
  return run
}

/** Whether a folder has a run. One that failed before its first step has an empty file, and can be started again. */
export const hasRun = (folder: string): Promise<boolean> =>
  stat(join(folder, METRICS)).then(
    ({ size }) => size > 0,
    () => false,
  )

/** Removes what a killed run was writing. */
async function removeTorn(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  const torn = names.filter((name) => /^\.inverseform-.*\.tmp$/.test(name))
  await Promise.all(torn.map((name) => rm(join(folder, name), { force: true })))
}

/** The folder of a run that goes on; {@link openRun} opens it. */
export class Run {
  readonly folder: string
  /** What the run has recorded, with what it was resumed from. */
  readonly history: RunHistory
  readonly #options: RunOptions
  readonly #metrics: GrowingFile
  readonly #events: GrowingFile
  #images: readonly ReportImage[]
  #lastPage = 0
  #open = true

  constructor(
    folder: string,
    options: RunOptions,
    history: RunHistory,
    images: readonly ReportImage[],
    metrics: GrowingFile,
    events: GrowingFile,
  ) {
    this.folder = folder
    this.history = history
    this.#options = options
    this.#images = images
    this.#metrics = metrics
    this.#events = events
  }

  /** Records a step. */
  async step({ step, loss, terms, learningRate, seconds, images }: RunStep): Promise<void> {
    const record = { step, loss, terms, learningRate, imagesPerSecond: rounded(images / seconds) }
    this.#metrics.add(stepLine(record))
    this.history.steps.push(record)
    const named = Object.entries(terms).map(([name, value]) => [`loss/${name}`, value])
    this.#events.add(
      scalarEvent(Date.now() / 1000, step, {
        'loss/total': loss,
        ...Object.fromEntries(named),
        learningRate,
        imagesPerSecond: record.imagesPerSecond,
      }),
    )
    if (Date.now() - this.#lastPage >= 1000 * (this.#options.refresh ?? 5)) await this.writePage()
  }

  /** Records an evaluation, and shows its pictures on the page. */
  async evaluation(
    record: TrainingEvaluationRecord,
    pictures: readonly EvaluatedPicture[] = [],
  ): Promise<void> {
    const { step, meanIou, boundaryF, classIou } = record
    this.#metrics.add(evaluationLine(record))
    this.history.evaluations.push({ step, meanIou, boundaryF, classIou })
    this.#events.add(
      scalarEvent(Date.now() / 1000, step, {
        'evaluation/meanIou': meanIou,
        'evaluation/boundaryF1': boundaryF[1],
        'evaluation/boundaryF3': boundaryF[3],
        'evaluation/boundaryF5': boundaryF[5],
      }),
    )
    this.#images = await writeRunPictures(this.folder, pictures, step, this.#options.palette)
    await this.writePage()
  }

  /** Writes the page as the run is now. {@link step} does it every few seconds. */
  async writePage(): Promise<void> {
    const { title = 'Training', totalSteps, facts, classNames, refresh = 5 } = this.#options
    const html = trainingReportHtml({
      title,
      ...this.history,
      totalSteps,
      facts,
      classNames,
      images: this.#images,
      refresh: this.#open ? refresh : undefined,
    })
    await writeWholeFile(join(this.folder, 'index.html'), html)
    this.#lastPage = Date.now()
  }

  /** Writes the page a last time; browsers then stop loading it again. */
  async close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    this.#metrics.close()
    this.#events.close()
    await this.writePage()
  }

  /** Closes, and leaves it at that if the page cannot be written: on a full disk this would hide the first error. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch(() => {})
  }
}

/** Four significant digits are enough for a rate. */
const rounded = (value: number): number => Number(value.toPrecision(4))
