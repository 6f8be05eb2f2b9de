import { type InverseFormError, type InverseFormErrorCode, isInverseFormError } from '@inverseform/errors'
import type { Terminal } from './terminal.js'

/** The exit codes of the command line, as `inverseform --help` lists them. */
export const exitCodes = {
  done: 0,
  internal: 1,
  usage: 2,
  input: 3,
  checkpoint: 4,
  output: 5,
  runtime: 6,
  interrupted: 130,
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
  'out-of-memory': exitCodes.runtime,
  'runtime-unavailable': exitCodes.runtime,
  'inference-failed': exitCodes.runtime,
  disposed: exitCodes.internal,
}

/** Returns the exit code of an error. Only checkpoints have limits that the error's details name. */
const exitCodeOf = ({ code, details }: InverseFormError): number =>
  code === 'limit-exceeded' && 'limit' in details ? exitCodes.checkpoint : byErrorCode[code]

/** Prints an error and its hint, without a stack trace, and returns its exit code. */
export function reportError(error: unknown, terminal: Terminal): number {
  if (isInverseFormError(error)) {
    terminal.err(`error: ${error.message}\n${error.hint ? `hint: ${error.hint}\n` : ''}`)
    return exitCodeOf(error)
  }
  if (error instanceof Error && error.name === 'AbortError') {
    terminal.err('Interrupted.\n')
    return exitCodes.interrupted
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  terminal.err(`internal error: ${process.env.INVERSEFORM_DEBUG ? stack : message.split('\n')[0]}\n`)
  terminal.err('hint: This is a bug. Run again with INVERSEFORM_DEBUG=1 for details, and report it.\n')
  return exitCodes.internal
}
