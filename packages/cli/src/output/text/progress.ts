import type { Printer } from '../../printer.js'

const PLAIN_INTERVAL = 10_000
const BAR_WIDTH = 24

/**
 * Shows the progress of a command. On a terminal it rewrites one line; elsewhere it prints a line after the first step,
 * every ten seconds and at the end.
 */
export class Progress {
  readonly #printer: Printer
  readonly #what: string
  readonly #started = performance.now()
  #isLineOpen = false
  #lastLine = Number.NEGATIVE_INFINITY
  readonly #before: number
  #done: number
  /** Number of steps. It may be set as late as before the first step. */
  total: number

  /**
   * @param what what the steps are, in the plural, or their unit
   * @param before steps done earlier, as in a run that goes on
   */
  constructor(printer: Printer, what: string, total = 0, before = 0) {
    this.#printer = printer
    this.#what = what
    this.total = total
    this.#before = before
    this.#done = before
  }

  /** Counts one step; `note` is shown at the end of the line. */
  step(note = ''): void {
    this.to(this.#done + 1, note)
  }

  /** Goes to a number of steps, such as megabytes, which need not be whole. The total may be unknown, that is, 0. */
  to(done: number, note = ''): void {
    this.#done = done
    const now = performance.now()
    const rate = Math.max(0, done - this.#before) / ((now - this.#started) / 1000 || 1)
    const left = rate > 0 ? `ETA ${duration((this.total - done) / rate)}` : 'ETA unknown'
    const time = done < this.total ? left : `${duration((now - this.#started) / 1000)}`
    const digits = Number.isInteger(done) && Number.isInteger(this.total) ? 0 : 1
    const counts = [done, ...(this.total > 0 ? [this.total] : [])].map((count) => count.toFixed(digits))
    const text = `${counts.join('/')} ${this.#what}  ${rate.toFixed(rate < 10 ? 2 : 0)} ${this.#what}/s  ${time}${note ? `  ${note}` : ''}`
    if (this.#printer.interactive) {
      const filled = this.total > 0 ? Math.min(BAR_WIDTH, Math.round((BAR_WIDTH * done) / this.total)) : 0
      const line = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ${text}`
      this.#printer.rewriteLine(line)
      this.#isLineOpen = true
    } else if (now - this.#lastLine >= PLAIN_INTERVAL || this.#done === this.total) {
      const total = this.total > 0 ? this.total : undefined
      this.#printer.progress(text, { done, total, unit: this.#what, perSecond: Number(rate.toFixed(3)) })
      this.#lastLine = now
    }
  }

  /** Ends the rewritten line, so that other text can follow. */
  end(): void {
    if (this.#isLineOpen) this.#printer.err('\n')
    this.#isLineOpen = false
  }
}

/** Formats seconds as `1:02` or `1:02:03`. */
function duration(seconds: number): string {
  const rounded = Math.round(seconds)
  const [h, m, s] = [Math.floor(rounded / 3600), Math.floor(rounded / 60) % 60, rounded % 60]
  const minutes = `${h > 0 ? `${h}:${String(m).padStart(2, '0')}` : m}`
  return `${minutes}:${String(s).padStart(2, '0')}`
}
