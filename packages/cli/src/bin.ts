#!/usr/bin/env node
import { exitCodes } from './exit-codes.js'
import { loadingError } from './loading-error.js'
import { Printer } from './printer.js'
import { processTerminal } from './terminal.js'

const printer = new Printer(processTerminal)
const interrupt = new AbortController()
// A second Ctrl-C ends the process at once.
process.once('SIGINT', () => {
  printer.err('\nStopping after the current step. Press Ctrl-C again to stop at once.\n')
  interrupt.abort()
})

// A reader may close the pipe early, as `head` does. That is not an error, and files must still be finished.
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE') return
  printer.line(`error: The results could not be printed: ${message}.`)
  process.exit(exitCodes.output)
})
process.stderr.on('error', () => {})

// Loaded here, since loading fails where few files may be open at once, and such an error must be shown.
const program = await import('./run.js').catch((error: Error) => loadingError(error, printer))
process.exitCode =
  typeof program === 'number'
    ? program
    : await program.run(process.argv.slice(2), processTerminal, interrupt.signal)
