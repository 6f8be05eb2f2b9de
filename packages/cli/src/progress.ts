import type { Terminal } from './terminal.js'

const PLAIN_INTERVAL = 10_000
const BAR_WIDTH = 24

/**
 * Says how far a command is: one line rewritten on a terminal, else a plain line after the first step, every ten
 * seconds and at the end.
 */
export class Progress {
  private readonly started = performance.now()
  private lastLine = Number.NEGATIVE_INFINITY
  private done = 0

  constructor(
    private readonly terminal: Terminal,
    private readonly what: string,
    /** May become known with the first step only; the clock runs from the start. */
    public total = 0,
  ) {}

  /** One more is done; `note` says what there is to know meanwhile. */
  step(note = ''): void {
    this.done++
    const now = performance.now()
    const rate = this.done / ((now - this.started) / 1000)
    const eta =
      this.done < this.total
        ? `ETA ${duration((this.total - this.done) / rate)}`
        : `${duration((now - this.started) / 1000)}`
    const text = `${this.done}/${this.total} ${this.what}  ${rate.toFixed(rate < 10 ? 2 : 0)}/s  ${eta}${note ? `  ${note}` : ''}`
    if (this.terminal.interactive) {
      const filled = Math.round((BAR_WIDTH * this.done) / this.total)
      const line = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ${text}`
      // A line that wraps could not be rewritten.
      this.terminal.err(`\r\u001b[K${line.slice(0, this.terminal.columns)}`)
    } else if (now - this.lastLine >= PLAIN_INTERVAL || this.done === this.total) {
      this.terminal.err(`${text}\n`)
      this.lastLine = now
    }
  }

  /** Leaves the line that was being rewritten, so that other text can follow. */
  end(): void {
    if (this.terminal.interactive && this.done > 0) this.terminal.err('\n')
  }
}

function duration(seconds: number): string {
  const whole = Math.round(seconds)
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const minutes = `${h > 0 ? `${h}:${String(m).padStart(2, '0')}` : m}`
  return `${minutes}:${String(s).padStart(2, '0')}`
}
