/** Where a command prints its text. */
export interface Terminal {
  /** Prints results. */
  out(text: string): void
  /** Prints progress, notes and errors. */
  err(text: string): void
  /** Whether `err` can rewrite its last line. */
  readonly interactive: boolean
  /** The width of an interactive terminal, in characters. It may change. */
  readonly columns?: number
}

export const processTerminal: Terminal = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  interactive: process.stderr.isTTY === true && process.env.TERM !== 'dumb',
  get columns() {
    // Some pseudo-terminals report 0.
    return process.stderr.columns || undefined
  },
}
