import { exitCodes, reportEndOf } from './exit-codes.js'
import type { Printer } from './printer.js'

/** Fewer files than the program opens while it is loaded. */
const FEW_FILES = 256

/** Prints why the program could not be loaded, and returns its exit code. */
export function loadingError(error: Error, printer: Printer): number {
  const { code, message } = error as NodeJS.ErrnoException
  const limit = openFilesLimit()
  if (code === 'EMFILE' || code === 'ENFILE' || limit < FEW_FILES) {
    const atMost = Number.isFinite(limit) ? ` (limit: ${limit})` : ''
    return report(exitCodes.runtime, `it ran out of open files${atMost}`, 'Raise the limit (ulimit -n 1024).')
  }
  const hint = 'Install it again: npm install -g @inverseform/cli'
  return report(exitCodes.internal, message.split('\n')[0], hint)

  function report(exitCode: number, reason: string, hint: string): number {
    const message = `The program could not be loaded: ${reason}.`
    return reportEndOf({ text: `error: ${message}`, level: 'error', exitCode, message, hint }, printer)
  }
}

/** Returns how many files this process may open at once; Infinity where that is unknown. */
function openFilesLimit(): number {
  const report = process.report?.getReport() as
    | { userLimits?: { open_files?: { soft?: unknown } } }
    | undefined
  const soft = report?.userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY
}
