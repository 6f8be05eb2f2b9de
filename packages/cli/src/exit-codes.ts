import { type InverseFormError, type InverseFormErrorCode, isInverseFormError } from '@inverseform/errors'
import type { Command } from 'commander'
import { type Level, totalsText } from './event-log.js'
import { Interrupted } from './interrupts.js'
import { ImagesSkipped } from './on-error.js'
import { inWordsOf, messageInWordsOf } from './options/words.js'
import type { Printer } from './printer.js'

/** The exit codes of the command line, as `inverseform --help` lists them. */
export const exitCodes = {
  done: 0,
  internal: 1,
  usage: 2,
  input: 3,
  checkpoint: 4,
  output: 5,
  runtime: 6,
  diverged: 7,
  skipped: 8,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const

const byErrorCode: Readonly<Record<InverseFormErrorCode, number>> = {
  'invalid-argument': exitCodes.usage,
  'not-found': exitCodes.input,
  unreadable: exitCodes.input,
  'invalid-dataset': exitCodes.input,
  'size-mismatch': exitCodes.input,
  'invalid-checkpoint': exitCodes.checkpoint,
  'unsafe-checkpoint': exitCodes.checkpoint,
  'checkpoint-mismatch': exitCodes.checkpoint,
  'limit-exceeded': exitCodes.input,
  'write-failed': exitCodes.output,
  'training-diverged': exitCodes.diverged,
  'out-of-memory': exitCodes.runtime,
  'runtime-unavailable': exitCodes.runtime,
  'inference-failed': exitCodes.runtime,
  disposed: exitCodes.internal,
}

/** Returns the exit code of an error. Only checkpoints have limits that the error's details name. */
const exitCodeOf = ({ code, details }: InverseFormError): number =>
  code === 'limit-exceeded' && 'limit' in details ? exitCodes.checkpoint : byErrorCode[code]

/** Ends a command that has done its work. Returns its exit code. */
export function reportEnd(printer: Printer): number {
  endRun(printer, exitCodes.done)
  return exitCodes.done
}

/** Ends a run. A command that goes on to another one has no exit code yet. */
export function endRun(printer: Printer, exitCode?: number): void {
  printTotals(printer)
  printer.log.end('info', 'run-end', { exitCode })
}

/** Ends a command whose arguments the parser refused, and has printed why. Returns its exit code. */
export function reportUsage({ message }: Error, printer: Printer): number {
  const exitCode = exitCodes.usage
  printer.log.end('error', 'run-stopped', { exitCode, message: message.replace(/^error: /, '') })
  return exitCode
}

/**
 * Ends a command with an error: prints it and its hint, without a stack trace, and returns its exit code.
 * @param signal interrupts the command
 * @param command the command that failed; its flags replace the library's words in the hint
 */
export function reportError(
  error: unknown,
  printer: Printer,
  signal: AbortSignal,
  command?: Command,
): number {
  return reportEndOf(endOf(error, signal, command), printer)
}

/** Prints how a command ends. Returns its exit code. */
export function reportEndOf(
  { text, level, event = 'run-stopped', ...fields }: End,
  printer: Printer,
): number {
  printTotals(printer)
  if (!printer.log.isOn) {
    if (fields.stack === undefined) printer.line(text)
    else printer.err(`internal error: ${fields.stack}\n`)
    if (fields.hint) printer.line(`hint: ${fields.hint}`)
  }
  printer.log.end(level, event, fields)
  return fields.exitCode
}

/** How a command ends, for readers and for the log. */
interface End {
  /** The line for readers. */
  readonly text: string
  readonly level: Level
  readonly event?: 'run-end' | 'run-stopped'
  readonly exitCode: number
  readonly code?: InverseFormErrorCode
  readonly message: string
  readonly hint?: string
  readonly stack?: string
}

function endOf(error: unknown, signal: AbortSignal, command: Command | undefined): End {
  if (isInverseFormError(error)) {
    const message = messageInWordsOf(command, error.message)
    const hint = error.hint && inWordsOf(command, error.hint)
    return {
      ...{ text: `error: ${message}`, level: 'error', exitCode: exitCodeOf(error) },
      ...{ code: error.code, message, hint },
    }
  }
  if (error instanceof ImagesSkipped) {
    const { message } = error
    return { text: `note: ${message}`, level: 'warn', event: 'run-end', exitCode: exitCodes.skipped, message }
  }
  if (error instanceof Error && error.name === 'AbortError') {
    // Libraries abort with errors of their own.
    const { exitCode = exitCodes.interrupted, message = 'Interrupted.' } =
      signal.reason instanceof Interrupted ? signal.reason : {}
    return { text: 'Interrupted.', level: 'warn', exitCode, message }
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  const [first] = message.split('\n')
  return {
    ...{ text: `internal error: ${first}`, level: 'error', exitCode: exitCodes.internal, message: first },
    hint: 'This is a bug. Run again with INVERSEFORM_DEBUG=1 for details, and report it.',
    stack: process.env.INVERSEFORM_DEBUG ? stack : undefined,
  }
}

/** Prints what the images took. The last event has that too. */
function printTotals(printer: Printer): void {
  const { totals, isOn } = printer.log
  if (totals && totals.images > 0 && !isOn) printer.line(totalsText(totals))
}
