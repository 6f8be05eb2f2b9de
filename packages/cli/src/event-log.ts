import { visibleJson, withoutSecrets } from '@inverseform/shared'

export type Level = 'info' | 'warn' | 'error'

/** What an event says beside its time, level and name. Undefined values are left out. */
export type EventFields = Readonly<Record<string, unknown>>

/** Seconds by stage, such as `decode` and `network`. */
export type Seconds = Readonly<Record<string, number>>

/** What the images of a run took since it started or went on. */
export interface RunTotals {
  readonly images: number
  readonly skipped: number
  /** The sums over the images. Stages of several images may run at the same time. */
  readonly stages: Seconds
  /** Seconds since the start. */
  readonly seconds: number
}

/** Whether the arguments of a command ask for events. Asked before they are parsed, so that wrong ones are events too. */
export function wantsEvents(args: readonly string[]): boolean {
  const operands = args.indexOf('--')
  return args.slice(0, operands < 0 ? args.length : operands).includes('--log-json')
}

/** Says what images took, such as `6 images in 4.2 s, 1.43 images/s: decode 0.3 s, network 3.6 s`. */
export function totalsText({ images, stages, seconds }: RunTotals): string {
  const count = `${images} ${images === 1 ? 'image' : 'images'}`
  const rate = images / (seconds || 1)
  return `${count} in ${seconds.toFixed(1)} s, ${rate.toFixed(rate < 10 ? 2 : 0)} images/s: ${stagesText(stages)}`
}

/** Lists the seconds of stages. */
export const stagesText = (stages: Seconds): string =>
  Object.entries(stages)
    .map(([stage, seconds]) => `${stage} ${seconds.toFixed(seconds < 10 ? 2 : 1)} s`)
    .join(', ')

/**
 * Writes what happens to runs as lines of JSON, for programs that collect logs: each has an ISO `time`, a `level`, the name of the
 * `event`, and the id of the `run` if it has a state. A process may have one run after another.
 */
export class EventLog {
  readonly #write: ((line: string) => void) | undefined
  #run: string | undefined
  #started: number | undefined
  #images = 0
  #skipped = 0
  #stages = new Map<string, number>()

  /** @param write takes one line; without it images are only counted */
  constructor(write?: (line: string) => void) {
    this.#write = write
  }

  /** Whether events are written. */
  get isOn(): boolean {
    return this.#write !== undefined
  }

  /** What the images of the current run took so far; undefined before one has started. */
  get totals(): RunTotals | undefined {
    if (this.#started === undefined) return undefined
    const seconds = (performance.now() - this.#started) / 1000
    return {
      ...{ images: this.#images, skipped: this.#skipped, seconds },
      stages: Object.fromEntries(this.#stages),
    }
  }

  /** Starts a run. Later events have its id. */
  start({ run, ...facts }: EventFields & { readonly run?: string | undefined }): void {
    this.#run = run
    this.#started = performance.now()
    this.#images = 0
    this.#skipped = 0
    this.#stages = new Map()
    this.event('info', 'run-start', { ...facts, pid: process.pid })
  }

  imageDone(image: string, seconds: Seconds, facts?: EventFields): void {
    this.done('image-done', seconds, { image, ...facts }, 1)
  }

  /** Something is done, whose seconds and images count. */
  done(event: string, seconds: Seconds, facts: EventFields, images = 0): void {
    this.#images += images
    for (const [stage, value] of Object.entries(seconds)) {
      this.#stages.set(stage, (this.#stages.get(stage) ?? 0) + value)
    }
    this.event('info', event, { ...facts, seconds: rounded(seconds) })
  }

  imageSkipped(image: string, { code, message }: { readonly code: string; readonly message: string }): void {
    this.#skipped++
    this.event('warn', 'image-skipped', { image, code, message })
  }

  /** Ends the current run, if one has started, with its totals and the most memory that the process had. */
  end(level: Level, event: 'run-end' | 'run-stopped', fields: EventFields): void {
    const { images, skipped, stages = {}, seconds = 0 } = this.totals ?? {}
    const totals = this.#started !== undefined && {
      ...{ images, skipped },
      seconds: rounded({ ...stages, total: seconds }),
      imagesPerSecond: round((images ?? 0) / (seconds || 1)),
    }
    const peakRssBytes = process.resourceUsage().maxRSS * 1024
    this.event(level, event, { ...fields, ...totals, peakRssBytes })
    this.#run = undefined
    this.#started = undefined
  }

  event(level: Level, event: string, fields: EventFields): void {
    if (this.#write === undefined) return
    const line = { time: new Date().toISOString(), level, event, run: this.#run, ...fields }
    this.#write(`${visibleJson(publicOf(line))}\n`)
  }
}

/** Returns a value whose texts have no secrets of URLs. */
function publicOf(value: unknown): unknown {
  if (typeof value === 'string') return withoutSecrets(value)
  if (Array.isArray(value)) return value.map(publicOf)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, publicOf(inner)]))
}

const rounded = (seconds: Seconds): Seconds =>
  Object.fromEntries(Object.entries(seconds).map(([stage, value]) => [stage, round(value)]))

/** Rounds to microseconds. */
const round = (value: number): number => Number(value.toFixed(6))
