import { checkArgument, checkLength } from '@inverseform/errors'
import { visible } from '@inverseform/shared'

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

/** Escapes text for HTML and SVG, in content and attributes. Characters that are not visible are shown as escapes. */
export const escapeText = (text: string): string =>
  visible(text).replace(/[&<>"']/g, (character) => entities[character])

/** Throws `invalid-argument` unless the options of a page are an object with a title. */
export function checkReportOptions(options: { readonly title: string }): void {
  const isObject = typeof options === 'object' && options !== null
  checkArgument('options', options, isObject, 'an object with `title` and `confusion`')
  checkArgument('title', options.title, typeof options.title === 'string', 'a string')
}

/** Throws `size-mismatch` unless each class has a name. */
export function checkClassNames(classNames: readonly string[], numClasses: number): void {
  const isList: boolean = Array.isArray(classNames)
  checkArgument('classNames', classNames, isList, 'a list of names')
  checkLength('classNames', classNames.length, numClasses, 'one name per class', {
    hint: 'Pass the names in the order of the train ids.',
  })
}
