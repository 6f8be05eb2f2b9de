/** Where a command's text goes, so that tests can read it. */
export interface Terminal {
  /** Results. */
  out(text: string): void
  /** Progress, notes and errors. */
  err(text: string): void
  /** Whether `err` is a terminal whose line can be rewritten. */
  readonly interactive: boolean
  /** Width of such a terminal, in characters; it may change. */
  readonly columns?: number
}

export const processTerminal: Terminal = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  interactive: process.stderr.isTTY === true && process.env.TERM !== 'dumb',
  get columns() {
    // Some pseudo-terminals do not know theirs and say 0.
    return process.stderr.columns || undefined
  },
}
