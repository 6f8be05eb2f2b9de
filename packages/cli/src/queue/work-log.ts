import type { WorkEvent } from '@inverseform/queue'
import { Progress } from '../output/text/progress.js'
import type { Printer } from '../printer.js'
import type { QueuedResult } from './queued-result.js'

/** Says what a worker does. All of its events pass here. */
export class WorkLog {
  readonly #printer: Printer
  #run: string | undefined
  #progress: Progress | undefined

  constructor(printer: Printer) {
    this.#printer = printer
  }

  add(event: WorkEvent): void {
    const { run, image } = event
    if (run !== this.#run) {
      this.end()
      this.#run = run
      this.#progress = new Progress(this.#printer, 'images')
    }
    if (event.type === 'done') {
      const { failure } = event.payload as QueuedResult
      if (failure) this.#note(`${image} has no scores: ${failure.error}`)
      this.#progress?.step()
    }
    if (event.type === 'handed-back') this.#note(`${image} was handed back.`)
    if (event.type === 'lost') this.#note(`${image} went to another worker, since this one gave no sign.`)
  }

  /** Ends the line of the progress. */
  end(): void {
    this.#progress?.end()
  }

  #note(text: string): void {
    this.end()
    this.#printer.note(text)
  }
}
