#!/usr/bin/env node
import { exitCodes } from './exit-codes.js'
import { run } from './run.js'
import { processTerminal } from './terminal.js'

const interrupt = new AbortController()
// The second Ctrl-C ends the process at once.
process.once('SIGINT', () => {
  processTerminal.err('\nStopping after the step under way; Ctrl-C again stops at once.\n')
  interrupt.abort()
})

// A reader that has seen enough, such as `head`, is no error, and what is written to files is still to be finished.
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE') return
  processTerminal.err(`error: The results could not be printed: ${message}.\n`)
  process.exit(exitCodes.output)
})
process.stderr.on('error', () => {})

process.exitCode = await run(process.argv.slice(2), processTerminal, interrupt.signal)
