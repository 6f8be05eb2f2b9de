import { checkLength } from '@inverseform/errors'

/** Formats a fraction in percent, such as `59.97`; NaN (no data) becomes a dash. */
export const percent = (fraction: number, digits = 2): string =>
  Number.isNaN(fraction) ? '–' : (fraction * 100).toFixed(digits)

/** Formats a number with two decimals; NaN becomes a dash. */
export const decimal = (value: number): string => (Number.isNaN(value) ? '–' : value.toFixed(2))

/** Formats an integer with thousands separators. */
export const count = (value: number): string => value.toLocaleString('en')

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Escapes text for HTML and SVG, in content and attributes. */
export const escapeText = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => entities[character])

/** Throws `size-mismatch` unless each class has a name. */
export function checkClassNames(classNames: readonly string[], numClasses: number): void {
  checkLength('classNames', classNames.length, numClasses, 'one name per class', {
    hint: 'Pass the names in the order of the train ids.',
  })
}
