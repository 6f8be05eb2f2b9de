import { exitCodes } from './exit-codes.js'
import type { Printer } from './printer.js'

/** Fewer files than the program opens while it is loaded. */
const FEW_FILES = 256

/** Prints why the program could not be loaded, and returns its exit code. */
export function loadingError(error: Error, printer: Printer): number {
  const { code, message } = error as NodeJS.ErrnoException
  const limit = openFilesLimit()
  if (code === 'EMFILE' || code === 'ENFILE' || limit < FEW_FILES) {
    const atMost = Number.isFinite(limit) ? ` (limit: ${limit})` : ''
    printer.line(`error: The program could not be loaded: it ran out of open files${atMost}.`)
    printer.line('hint: Raise the limit (ulimit -n 1024).')
    return exitCodes.runtime
  }
  printer.line(`error: The program could not be loaded: ${message.split('\n')[0]}.`)
  printer.line('hint: Install it again: npm install -g @inverseform/cli')
  return exitCodes.internal
}

/** Returns how many files this process may open at once; Infinity where that is unknown. */
function openFilesLimit(): number {
  const report = process.report?.getReport() as
    | { userLimits?: { open_files?: { soft?: unknown } } }
    | undefined
  const soft = report?.userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY
}
