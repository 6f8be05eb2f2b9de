#!/usr/bin/env node
import { exitCodes } from './exit-codes.js'
import { run } from './run.js'
import { processTerminal } from './terminal.js'

const interrupt = new AbortController()
// A second Ctrl-C ends the process at once.
process.once('SIGINT', () => {
  processTerminal.err('\nStopping after the current step. Press Ctrl-C again to stop at once.\n')
  interrupt.abort()
})

// A reader may close the pipe early, as `head` does. That is not an error, and files must still be finished.
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE') return
  processTerminal.err(`error: The results could not be printed: ${message}.\n`)
  process.exit(exitCodes.output)
})
process.stderr.on('error', () => {})

process.exitCode = await run(process.argv.slice(2), processTerminal, interrupt.signal)
