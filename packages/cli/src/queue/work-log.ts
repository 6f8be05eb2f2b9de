import type { WorkEvent } from '@inverseform/queue'
import type { EventFields } from '../event-log.js'
import { endRun } from '../exit-codes.js'
import { Progress } from '../output/text/progress.js'
import type { Printer } from '../printer.js'
import { version } from '../version.js'
import type { QueuedResult } from './queued-result.js'

/** Says what a worker does. All of its events pass here. */
export class WorkLog {
  readonly #printer: Printer
  #progress: Progress | undefined

  constructor(printer: Printer) {
    this.#printer = printer
  }

  /** Starts a run, whose images follow. */
  start(facts: EventFields & { readonly run: string }): void {
    this.#printer.log.start({ command: 'queue work', version, ...facts })
    this.#progress = new Progress(this.#printer, 'images')
  }

  add(event: WorkEvent): void {
    if (event.type === 'done') this.#done(event.image, event.payload as QueuedResult)
    if (event.type === 'handed-back') this.#undone(event, 'was handed back')
    if (event.type === 'lost') this.#undone(event, 'went to another worker, since this one gave no sign')
    if (event.type === 'failed') this.#undone(event, 'failed with an error that ends this worker')
  }

  /** Ends a run that the worker leaves. Its last run ends with the command, and has its exit code. */
  leave(): void {
    this.end()
    endRun(this.#printer)
  }

  /** Ends the line of the progress. */
  end(): void {
    this.#progress?.end()
  }

  #done(image: string, { failure, evaluation, device, seconds }: QueuedResult): void {
    const { log } = this.#printer
    if (failure) {
      log.imageSkipped(image, { code: failure.code, message: failure.error })
      if (!log.isOn) this.#note(`${image} has no scores: ${failure.error}`)
    } else {
      const meanIou = evaluation?.scored[0]?.meanIou
      log.imageDone(image, { ...seconds }, { meanIou, tiles: evaluation?.tiles, device })
    }
    this.#progress?.step()
  }

  #undone({ type, image }: WorkEvent, what: string): void {
    const message = `${image} ${what}.`
    const { log } = this.#printer
    if (log.isOn) log.event('warn', `image-${type}`, { image, message })
    else this.#note(message)
  }

  #note(text: string): void {
    this.end()
    this.#printer.note(text)
  }
}
