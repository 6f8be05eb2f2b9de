import { InverseFormError } from '@inverseform/errors'

function check(right: boolean, name: string, value: unknown, text: string, hint: string): void {
  if (right) return
  throw new InverseFormError('invalid-argument', `${name} is ${text}.`, { hint, details: { [name]: value } })
}

/** Checks that an option is a finite number of at least `least`, and below `below`. */
export function checkNumber(
  name: string,
  value: number,
  least = Number.NEGATIVE_INFINITY,
  below = Number.POSITIVE_INFINITY,
): void {
  const bounds = [
    ...(least === Number.NEGATIVE_INFINITY ? [] : [`of at least ${least}`]),
    ...(below === Number.POSITIVE_INFINITY ? [] : [`below ${below}`]),
  ]
  const hint = ['Give a finite number', bounds.join(' and ')].filter(Boolean).join(' ')
  check(Number.isFinite(value) && value >= least && value < below, name, value, `${value}`, `${hint}.`)
}

/** Checks that an option is a finite number above 0. */
export function checkPositive(name: string, value: number): void {
  check(Number.isFinite(value) && value > 0, name, value, `${value}`, 'Give a finite number above 0.')
}

/** Checks that an option is a number in [0, 1]. */
export function checkShare(name: string, value: number): void {
  check(value >= 0 && value <= 1, name, value, `${value}`, 'Give a number in 0..1.')
}

/** Checks that an option is an integer of at least `least`. */
export function checkInteger(name: string, value: number, least: number): void {
  const hint = `Give an integer of at least ${least}.`
  check(Number.isSafeInteger(value) && value >= least, name, value, `${value}`, hint)
}

/** Checks that an option is made of positive integers, such as a height and a width. */
export function checkSizes(name: string, sizes: readonly number[]): void {
  const right = sizes.every((size) => Number.isSafeInteger(size) && size > 0)
  check(right, name, sizes, sizes.join('x'), 'Give positive integers.')
}

/** Checks that an option is one of some words. */
export function checkChoice<Word extends string>(
  name: string,
  value: Word,
  ...words: readonly [...Word[], Word]
): void {
  const quoted = words.map((word) => `'${word}'`)
  const hint = `Choose ${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}.`
  check(words.includes(value), name, value, `'${value}'`, hint)
}
