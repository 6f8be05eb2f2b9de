import { count, escapeText } from './format.js'
import { dataTable } from './parts.js'

/** How far an evaluation got that ended early. */
export interface ReportPartial {
  /** Images that were scored. */
  readonly scored: number
  /** Images that were to be scored. */
  readonly total: number
  /** Why it ended, as a sentence. */
  readonly reason: string
}

/** An image that counts nowhere. */
export interface ReportSkipped {
  readonly name: string
  /** Why it could not be scored, as a sentence. */
  readonly error: string
}

/** Says above all scores that they are of some images alone; empty for a complete evaluation. Escapes the reason. */
export const partialHtml = (partial: ReportPartial | undefined): string =>
  partial === undefined
    ? ''
    : `\n<p class="warning" role="note"><strong>Partial result:</strong> only ${count(partial.scored)} of ${count(partial.total)} images were scored. ${escapeText(partial.reason)}</p>`

/** Lists images that were skipped. Escapes names and errors. */
export const skippedTable = (skipped: readonly ReportSkipped[]): string =>
  `<p class="soft">These images could not be scored and count nowhere.</p>
${dataTable(
  'Skipped images',
  ['image', 'error'],
  skipped.map(({ name, error }) => [escapeText(name), escapeText(error)]),
)}`
