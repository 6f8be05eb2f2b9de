/** Where a command prints its text. `run` makes all characters visible before; it adds only what rewrites a line. */
export interface Terminal {
  /** Prints results. */
  out(text: string): void
  /** Prints progress, notes and errors. */
  err(text: string): void
  /** Whether `err` can rewrite its last line. */
  readonly interactive: boolean
  /** The width of an interactive terminal, in characters. It may change. */
  readonly columns?: number
  /** The width of the terminal that `out` prints to, in characters; undefined for a file or a pipe. */
  readonly outColumns?: number
}

export const processTerminal: Terminal = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  interactive: process.stderr.isTTY === true && process.env.TERM !== 'dumb',
  get columns() {
    // Some pseudo-terminals report 0.
    return process.stderr.columns || undefined
  },
  get outColumns() {
    return (process.stdout.isTTY && process.stdout.columns) || undefined
  },
}
