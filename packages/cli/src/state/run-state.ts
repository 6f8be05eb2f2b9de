import { readdir, rename, rm, rmdir, stat, unlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { type Lock, readRegularFile, systemReason } from '@inverseform/shared/node'
import type { Printer } from '../printer.js'
import { checkFormat, DamagedState, readCheckedJson, writeCheckedJson } from './checked-file.js'
import { idOfPlan, isRecord, isTexts, parsePlan, type RunPlan } from './run-plan.js'

/** The most images in a part. */
const MOST_IMAGES = 256
/** Milliseconds between two writings of the same part. */
const INTERVAL = 1000

const RUN = 'run.json'
const RUN_FORMAT = 'inverseform.run'
const PART = /^part-(\d{5,7})\.json$/
const PART_FORMAT = 'inverseform.run-part'

/** What images add up to. Parts may be added in any order. */
export interface Accumulator {
  merge(other: this): void
  toJSON(): unknown
}

/** How the accumulators of a run are made. */
export interface AccumulatorKind<A extends Accumulator> {
  create(): A
  /** @throws an error for anything but what `toJSON` returned */
  fromJSON(json: unknown): A
}

/** An image that is done. */
export interface DoneImage {
  readonly name: string
  /** The sizes of its files in bytes, -1 for one that is missing: if they change, its part is done again. */
  readonly bytes: readonly number[]
  /** The files that were written for it, below the folder of the run. */
  readonly outputs: readonly string[]
}

/** A part of a run: some of its images, and what they add up to. */
export interface RunPart<A> {
  readonly number: number
  readonly images: readonly DoneImage[]
  readonly data: A
}

/** What a folder has of a run. */
export interface StoredRun {
  readonly plan: RunPlan
  /** What reports say about the run, beside its results. */
  readonly report: Readonly<Record<string, unknown>>
  readonly isFinished: boolean
}

/**
 * Reads what a folder has of a run; undefined without one, `damaged` if the file is not as it was written.
 * @throws InverseFormError `unreadable`, also for the file of another program or version
 */
export async function readRun(state: string): Promise<StoredRun | 'damaged' | undefined> {
  const path = join(state, RUN)
  try {
    const json = await readCheckedJson(path)
    checkFormat(path, json, RUN_FORMAT)
    const plan = parsePlan(json)
    const report = isRecord(json.report) ? json.report : {}
    return plan && { plan, report, isFinished: json.isFinished === true }
  } catch (error) {
    if (error instanceof DamagedState) {
      await checkOurs(path)
      return 'damaged'
    }
    if (isInverseFormError(error) && error.code === 'not-found') return undefined
    throw error
  }
}

/** @throws InverseFormError `invalid-argument` for a file that some other program wrote, not we and damaged since */
async function checkOurs(path: string): Promise<void> {
  const text = new TextDecoder().decode(await readRegularFile(path))
  if (text === '' || text.startsWith('{"sha256":"') || text.includes(`"${RUN_FORMAT}"`)) return
  throw new InverseFormError('invalid-argument', `${path} is not of a run of this program.`, {
    hint: 'Choose another folder, or move this file away.',
    details: { path },
  })
}

/** Reads a part. @throws DamagedState; InverseFormError `unreadable` for a part of another run or version */
export async function readPart<A extends Accumulator>(
  path: string,
  run: string,
  kind: AccumulatorKind<A>,
): Promise<RunPart<A>> {
  const json = await readCheckedJson(path)
  checkFormat(path, json, PART_FORMAT)
  const number = Number(PART.exec(basename(path))?.[1])
  if (json.run !== run) {
    throw new InverseFormError('unreadable', `${path} is of another run.`, {
      hint: 'Pass the options of that run to go on with it, or start anew with --restart or another --out.',
      details: { path },
    })
  }
  if (json.part !== number || !isDone(json.images)) {
    throw new DamagedState('It is not the part that its name says.')
  }
  try {
    return { number, images: json.images, data: kind.fromJSON(json.data) }
  } catch (cause) {
    throw new DamagedState((cause as Error).message)
  }
}

function isDone(images: unknown): images is readonly DoneImage[] {
  if (!Array.isArray(images) || images.length > MOST_IMAGES) return false
  return images.every(
    (image) =>
      isRecord(image) &&
      typeof image.name === 'string' &&
      Array.isArray(image.bytes) &&
      image.bytes.every(Number.isSafeInteger) &&
      isTexts(image.outputs),
  )
}

/** Returns the sizes of files in bytes; -1 for one that is missing. */
export const sizesOf = (files: readonly string[]): Promise<number[]> =>
  Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => -1,
      ),
    ),
  )

/** Lists the files of the parts in a folder, in order. */
export async function partFiles(state: string): Promise<string[]> {
  const names = await readdir(state).catch(() => [])
  return names
    .filter((name) => PART.test(name))
    .sort()
    .map((name) => join(state, name))
}

interface RunStateOptions<A extends Accumulator> {
  /** The folder of the state. */
  readonly state: string
  readonly plan: RunPlan
  readonly report: Readonly<Record<string, unknown>>
  readonly kind: AccumulatorKind<A>
  readonly lock: Lock
}

interface ResumeOptions {
  /** The folder of the run. */
  readonly folder: string
  /** Returns the files that an image is read from; undefined for one that is not there any more. */
  filesOf(name: string): readonly string[] | undefined
  readonly printer: Printer
}

/**
 * The state of a run in its folder: `run.json` says which run it is, and each `part-00000.json` what up to 256 images add up to.
 * A part is replaced as a whole at most once a second, so that the state is a true one at any moment, and bounded.
 */
export class RunState<A extends Accumulator> {
  /** What all images so far add up to. */
  readonly total: A
  readonly #done = new Map<string, DoneImage>()
  readonly #options: RunStateOptions<A>
  readonly #id: string
  #part: { readonly number: number; readonly images: DoneImage[]; readonly data: A }
  #written = Number.NEGATIVE_INFINITY
  #isDirty = false
  #adding: Promise<void> = Promise.resolve()

  constructor(options: RunStateOptions<A>) {
    this.#options = options
    this.#id = idOfPlan(options.plan)
    this.total = options.kind.create()
    this.#part = { number: 0, images: [], data: options.kind.create() }
  }

  /** Starts a run anew, without what the folder has of another one. */
  static async start<A extends Accumulator>(options: RunStateOptions<A>): Promise<RunState<A>> {
    const run = new RunState(options)
    const { state } = options
    for (const path of await partFiles(state)) await unlinkPart(path)
    await run.#writeRun(false)
    return run
  }

  /**
   * Goes on with a run. A part that is damaged, or whose images have changed, is done again.
   * @throws InverseFormError `unreadable` for a part of another run
   */
  static async resume<A extends Accumulator>(
    options: RunStateOptions<A>,
    { printer, ...sources }: ResumeOptions,
  ): Promise<RunState<A>> {
    const run = new RunState(options)
    for (const path of await partFiles(options.state)) {
      try {
        const part = await readPart(path, run.#id, options.kind)
        run.#checkNew(part)
        const current = await Promise.all(part.images.map((image) => isCurrent(image, sources)))
        const changed = part.images.filter((_, i) => !current[i]).map(({ name }) => name)
        if (changed.length === 0) run.#take(part)
        else {
          printer.note(
            `The files of ${changed.length} images have changed, so ${part.images.length} images are done again: ${listFew(changed, 3)}`,
          )
          await rm(path, { force: true })
        }
      } catch (error) {
        if (!(error instanceof DamagedState)) throw error
        await setAside(path, printer)
        printer.note(
          `${path} is damaged: its images are done again, and the file is kept as ${basename(path)}.damaged.`,
        )
      }
    }
    await run.#writeRun(false)
    return run
  }

  /** What tells the run from all others, also when it goes on in another process. */
  get id(): string {
    return this.#id
  }

  /** Whether an image is done. */
  has(name: string): boolean {
    return this.#done.has(name)
  }

  get size(): number {
    return this.#done.size
  }

  /**
   * Adds images that are done, one call after another, and writes the state if that is due.
   * @param apply adds them to an accumulator
   */
  async add(images: readonly DoneImage[], apply: (to: A) => void): Promise<void> {
    const adding = this.#adding.then(() => this.#add(images, apply))
    this.#adding = adding.catch(() => {})
    await adding
  }

  async #add(images: readonly DoneImage[], apply: (to: A) => void): Promise<void> {
    if (this.#part.images.length + images.length > MOST_IMAGES) {
      await this.flush()
      this.#part = { number: this.#part.number + 1, images: [], data: this.#options.kind.create() }
    }
    apply(this.#part.data)
    apply(this.total)
    this.#part.images.push(...images)
    for (const image of images) this.#done.set(image.name, image)
    this.#isDirty = true
    if (performance.now() - this.#written >= INTERVAL) await this.flush()
  }

  /** Writes what has not been written. */
  async flush(): Promise<void> {
    if (!this.#isDirty) return
    await this.#checkHeld()
    const { number, images, data } = this.#part
    const path = join(this.#options.state, `part-${String(number).padStart(5, '0')}.json`)
    await writeCheckedJson(path, {
      format: PART_FORMAT,
      version: 1,
      run: this.#id,
      part: number,
      images,
      data: data.toJSON(),
    })
    this.#written = performance.now()
    this.#isDirty = false
  }

  /** Records that the run is done, with all of its files. */
  async finish(): Promise<void> {
    await this.flush()
    await this.#writeRun(true)
  }

  /** Removes the state. What else is in its folder stays. */
  async remove(): Promise<void> {
    const { state } = this.#options
    const files = [...(await partFiles(state)), join(state, RUN)]
    for (const path of files) await rm(path, { force: true })
    await rmdir(state).catch(() => {})
  }

  async #writeRun(isFinished: boolean): Promise<void> {
    await this.#checkHeld()
    const { state, plan, report } = this.#options
    await writeCheckedJson(join(state, RUN), { format: RUN_FORMAT, version: 1, ...plan, report, isFinished })
  }

  async #checkHeld(): Promise<void> {
    if (await this.#options.lock.isHeld()) return
    throw new InverseFormError('write-failed', `Another process took over ${this.#options.state}.`, {
      hint: 'This process did not answer for half a minute. The other one goes on with its run.',
    })
  }

  #checkNew({ images }: RunPart<A>): void {
    const names = images.map(({ name }) => name)
    const known = this.#options.plan.command === 'predict' ? undefined : new Set(this.#options.plan.images)
    const isNew = (name: string) => !this.#done.has(name) && (known?.has(name) ?? true)
    if (names.every(isNew) && new Set(names).size === names.length) return
    throw new DamagedState('It has images of another part.')
  }

  #take({ number, images, data }: RunPart<A>): void {
    this.total.merge(data)
    for (const image of images) this.#done.set(image.name, image)
    this.#part = { number, images: [...images], data }
  }
}

/** Whether the files of an image are as they were when it was done. */
async function isCurrent(
  { name, bytes, outputs }: DoneImage,
  { folder, filesOf }: Pick<ResumeOptions, 'folder' | 'filesOf'>,
): Promise<boolean> {
  const files = filesOf(name)
  // An image that was taken away stays done: `predict` is called with other images from run to run.
  const sizes = files === undefined ? bytes : await sizesOf(files)
  const written = await sizesOf(outputs.map((output) => join(folder, output)))
  return sizes.join() === bytes.join() && !written.includes(-1)
}

/** @throws InverseFormError `write-failed`, also for a folder in the place of a part */
async function unlinkPart(path: string): Promise<void> {
  await unlink(path).catch((cause) => {
    throw new InverseFormError('write-failed', `${path} could not be removed: ${systemReason(cause)}.`, {
      hint: 'The state of a run has a file there. Move it away, or choose another folder.',
      details: { path },
      cause,
    })
  })
}

/** Keeps a damaged file under another name. */
export async function setAside(path: string, printer: Printer): Promise<void> {
  await rename(path, `${path}.damaged`).catch((cause: Error) => {
    printer.note(`${path} could not be renamed: ${cause.message}.`)
  })
}
