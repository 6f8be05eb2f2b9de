import { type InverseFormError, type InverseFormErrorCode, isInverseFormError } from '@inverseform/errors'
import type { Command } from 'commander'
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

/**
 * Prints an error and its hint, without a stack trace, and returns its exit code.
 * @param signal interrupts the command
 * @param command the command that failed; its flags replace the library's words in the hint
 */
export function reportError(
  error: unknown,
  printer: Printer,
  signal: AbortSignal,
  command?: Command,
): number {
  if (isInverseFormError(error)) {
    printer.line(`error: ${messageInWordsOf(command, error.message)}`)
    if (error.hint) printer.line(`hint: ${inWordsOf(command, error.hint)}`)
    return exitCodeOf(error)
  }
  if (error instanceof ImagesSkipped) {
    printer.note(error.message)
    return exitCodes.skipped
  }
  if (error instanceof Error && error.name === 'AbortError') {
    printer.line('Interrupted.')
    // Libraries abort with errors of their own.
    return signal.reason instanceof Interrupted ? signal.reason.exitCode : exitCodes.interrupted
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  if (process.env.INVERSEFORM_DEBUG) printer.err(`internal error: ${stack}\n`)
  else printer.line(`internal error: ${message.split('\n')[0]}`)
  printer.line('hint: This is a bug. Run again with INVERSEFORM_DEBUG=1 for details, and report it.')
  return exitCodes.internal
}
