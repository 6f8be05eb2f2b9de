import { visible, visibleJson, visibleLine } from '@inverseform/shared'
import { EventLog, wantsEvents } from './event-log.js'
import type { Terminal } from './terminal.js'

/**
 * Prints to a terminal. Names of files and tensors, metadata and messages may contain anything, so characters that are
 * not visible are printed as escapes, here and nowhere else. Only this class sends control sequences.
 */
export class Printer {
  /** What happens to runs. If it is on, the error stream has its events and nothing else. */
  readonly log: EventLog
  readonly #terminal: Terminal

  /** @param args the arguments of the command; `--log-json` turns the log on */
  constructor(terminal: Terminal, args: readonly string[] = []) {
    this.#terminal = terminal
    this.log = new EventLog(wantsEvents(args) ? (line) => terminal.err(line) : undefined)
  }

  /** Whether the last line can be rewritten. */
  get interactive(): boolean {
    return this.#terminal.interactive && !this.log.isOn
  }

  /** The width of an interactive terminal, in characters. */
  get columns(): number | undefined {
    return this.#terminal.columns
  }

  /** Whether lines of results fit, however long they are in a file or a pipe. */
  fits(text: string): boolean {
    const { outColumns } = this.#terminal
    return outColumns === undefined || text.split('\n').every((line) => line.length <= outColumns)
  }

  /** Prints lines of results. */
  out(text: string): void {
    this.#terminal.out(visible(text))
  }

  /** Prints a value as JSON, as a result. */
  json(value: unknown): void {
    this.#terminal.out(jsonText(value))
  }

  /** Prints lines to the error stream. Their line ends must be the caller's: {@link line} also escapes those. */
  err(text: string): void {
    if (!this.log.isOn) this.#terminal.err(visible(text))
    else if (text.trim() !== '') this.note(text.trim())
  }

  /** Prints one line to the error stream, whatever the text contains. */
  line(text: string): void {
    if (this.log.isOn) this.note(text)
    else this.#terminal.err(`${visibleLine(text)}\n`)
  }

  /** Prints a note: something to know about the results. */
  note(text: string): void {
    if (this.log.isOn) this.log.event('info', 'note', { message: text })
    else this.line(`note: ${text}`)
  }

  /** Prints a line about how far a command is. */
  progress(text: string, counts: Readonly<Record<string, unknown>>): void {
    if (this.log.isOn) this.log.event('info', 'progress', { message: text, ...counts })
    else this.line(text)
  }

  /** Replaces the last line of an interactive terminal, cut at its width, since a line that wraps cannot be replaced. */
  rewriteLine(text: string): void {
    this.#terminal.err(`\r\u001b[K${visibleLine(text).slice(0, this.columns)}`)
  }
}

/** Returns a value as JSON to print or to write. */
export const jsonText = (value: unknown): string => `${visibleJson(value, 2)}\n`
