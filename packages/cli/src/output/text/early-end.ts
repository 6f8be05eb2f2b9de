import type { ReportPartial } from '@inverseform/cityscapes'
import { isInverseFormError } from '@inverseform/errors'
import { visibleLine } from '@inverseform/shared'
import { Interrupted } from '../../interrupts.js'
import { isOfOneImage, type OnError, type SkippedImage } from '../../on-error.js'
import type { Printer } from '../../printer.js'

/** Says what a run that ended early has scored. */
export function partialOf(
  error: unknown,
  signal: AbortSignal,
  { scored, total }: Omit<ReportPartial, 'reason'>,
): ReportPartial {
  const cause = signal.aborted ? signal.reason : error
  const isInterrupted = signal.aborted && !(cause instanceof Interrupted)
  const known = isInverseFormError(cause) || cause instanceof Interrupted
  const reason = isInterrupted ? 'It was interrupted.' : known ? cause.message : 'An internal error ended it.'
  return { scored, total, reason }
}

/** Does what is left to do after an error, which stays the one to report. */
export async function afterError(printer: Printer, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    printer.note(`The partial result could not be written: ${(error as Error).message}`)
  }
}

/** How far a run got that an error has ended. */
interface EarlyEnd {
  readonly done: number
  readonly total: number
  readonly onError: OnError
}

/** Says how to go on after an error. `done` is of a run with a state. */
export function noteHowToGoOn(printer: Printer, error: unknown, { done, total, onError }: EarlyEnd): void {
  if (done > 0 && done < total) printer.line('Run again with --resume to go on from there.')
  if (onError === 'stop' && total > 1 && isOfOneImage(error)) {
    printer.line('Add --on-error skip to go on without images that fail.')
  }
}

/** Says above results that they are of some images alone; empty for complete ones. */
export const partialText = (partial: ReportPartial | undefined): string =>
  partial === undefined
    ? ''
    : `Partial result: only ${partial.scored} of ${partial.total} images were scored. ${visibleLine(partial.reason)}\n\n`

/** Lists images that were skipped below results; undefined for none. */
export const skippedText = (skipped: readonly SkippedImage[]): string | undefined =>
  skipped.length === 0
    ? undefined
    : skipped.map(({ name, error }) => `skipped: ${visibleLine(name)}: ${visibleLine(error)}\n`).join('')
