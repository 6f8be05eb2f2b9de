#!/usr/bin/env node
import { exitCodes } from './exit-codes.js'
import { onInterrupts } from './interrupts.js'
import { loadingError } from './loading-error.js'
import { Printer } from './printer.js'
import { processTerminal } from './terminal.js'

const args = process.argv.slice(2)
const printer = new Printer(processTerminal, args)
const interrupted = onInterrupts(printer)

let isPrinted = true
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  // A reader may close the pipe early, as `head` does, and a terminal may be closed. The command goes on: its files are still written.
  if (code === 'EPIPE' || !isPrinted) return
  isPrinted = false
  const text = `The results could not be printed: ${message}.`
  if (printer.log.isOn) printer.log.event('error', 'note', { message: text })
  else printer.line(`error: ${text}`)
  process.exitCode ||= exitCodes.output
})
process.stderr.on('error', () => {})

// Loaded here, since loading fails where few files may be open at once, and such an error must be shown.
const program = await import('./run.js').catch((error: Error) => loadingError(error, printer))
const exitCode = typeof program === 'number' ? program : await program.run(args, processTerminal, interrupted)
process.exitCode = exitCode || process.exitCode
