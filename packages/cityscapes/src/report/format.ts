import { InverseFormError } from '@inverseform/errors'

/** A fraction as a number of percent, such as `59.97`; a dash for NaN, which is "nothing to judge by", not 0. */
export const percent = (fraction: number, digits = 2): string =>
  Number.isNaN(fraction) ? '–' : (fraction * 100).toFixed(digits)

/** A number to two places; a dash for NaN. */
export const decimal = (value: number): string => (Number.isNaN(value) ? '–' : value.toFixed(2))

/** A whole number with thousands separated. */
export const count = (value: number): string => value.toLocaleString('en')

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text as it must stand in HTML and SVG, in content as in attributes. */
export const escapeText = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => entities[character]!)

/** Throws `size-mismatch` unless every class has a name. */
export function expectNames(names: readonly string[], classes: number): void {
  if (names.length !== classes)
    throw new InverseFormError('size-mismatch', `There are ${names.length} names for ${classes} classes.`, {
      hint: 'Pass one name a class, by train id.',
    })
}
