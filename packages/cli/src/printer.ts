import { visible, visibleJson, visibleLine } from '@inverseform/shared'
import type { Terminal } from './terminal.js'

/**
 * Prints to a terminal. Names of files and tensors, metadata and messages may contain anything, so characters that are
 * not visible are printed as escapes, here and nowhere else. Only this class sends control sequences.
 */
export class Printer {
  readonly #terminal: Terminal

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  /** Whether the last line can be rewritten. */
  get interactive(): boolean {
    return this.#terminal.interactive
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
    this.#terminal.err(visible(text))
  }

  /** Prints one line to the error stream, whatever the text contains. */
  line(text: string): void {
    this.#terminal.err(`${visibleLine(text)}\n`)
  }

  /** Prints a note: something to know about the results. */
  note(text: string): void {
    this.line(`note: ${text}`)
  }

  /** Replaces the last line of an interactive terminal, cut at its width, since a line that wraps cannot be replaced. */
  rewriteLine(text: string): void {
    this.#terminal.err(`\r\u001b[K${visibleLine(text).slice(0, this.columns)}`)
  }
}

/** Returns a value as JSON to print or to write. */
export const jsonText = (value: unknown): string => `${visibleJson(value, 2)}\n`
