import { InverseFormError, type InverseFormErrorCode } from './inverse-form-error.js'

/** What a check may add to its error. */
export interface CheckOptions {
  /** What to do about it, where the message alone does not say. */
  readonly hint?: string
  /** `invalid-argument` by default. */
  readonly code?: InverseFormErrorCode
  /** More values for programs; the argument itself is always there. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** Bounds of a number. `min` and `max` are allowed themselves, `above` and `below` are not. */
export interface Bounds {
  readonly min?: number
  readonly max?: number
  readonly above?: number
  readonly below?: number
}

/**
 * Throws unless an argument is valid. The message reads "`name` must be <accepted>, got <value>."
 *
 * @param accepted what the argument may be, such as "an integer from 1 to 4096"
 * @throws InverseFormError `invalid-argument`, or `options.code`
 *
 * @example
 * checkArgument('opacity', opacity, opacity >= 0 && opacity <= 1, 'a number from 0 to 1')
 */
export function checkArgument(
  name: string,
  value: unknown,
  valid: boolean,
  accepted: string,
  { code = 'invalid-argument', hint, details }: CheckOptions = {},
): asserts valid {
  if (valid) return
  throw new InverseFormError(code, `\`${name}\` must be ${accepted}, got ${formatValue(value)}.`, {
    hint,
    details: { [name]: value, ...details },
  })
}

/** Throws unless an argument is a safe integer within bounds. */
export function checkInteger(
  name: string,
  value: unknown,
  bounds: Bounds = {},
  options?: CheckOptions,
): asserts value is number {
  const valid = Number.isSafeInteger(value) && isWithin(value as number, bounds)
  checkArgument(name, value, valid, `an integer${boundsText(bounds)}`, options)
}

/** Throws unless an argument is a finite number within bounds. */
export function checkNumber(
  name: string,
  value: unknown,
  bounds: Bounds = {},
  options?: CheckOptions,
): asserts value is number {
  const valid = Number.isFinite(value) && isWithin(value as number, bounds)
  checkArgument(name, value, valid, `a finite number${boundsText(bounds)}`, options)
}

/** Throws unless an argument is one of the allowed words. */
export function checkOneOf<Word extends string>(
  name: string,
  value: unknown,
  allowed: readonly Word[],
  options?: CheckOptions,
): asserts value is Word {
  const valid = (allowed as readonly unknown[]).includes(value)
  const words = allowed.map((word) => `'${word}'`)
  const accepted =
    words.length === 1 ? words[0] : `one of ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
  checkArgument(name, value, valid, accepted, options)
}

/** Throws unless an argument is `true` or `false`. */
export function checkBoolean(name: string, value: unknown, options?: CheckOptions): asserts value is boolean {
  checkArgument(name, value, typeof value === 'boolean', 'true or false', options)
}

/** Throws unless an argument is a function. */
export function checkFunction(
  name: string,
  value: unknown,
  options?: CheckOptions,
): asserts value is (...values: never[]) => unknown {
  checkArgument(name, value, typeof value === 'function', 'a function', options)
}

/**
 * Throws unless an array has the expected number of elements.
 *
 * @param what what the elements are for, such as "one label for each of 4x3 pixels"
 * @throws InverseFormError `size-mismatch`
 */
export function checkLength(
  name: string,
  found: number,
  expected: number,
  what: string,
  { hint, details }: Omit<CheckOptions, 'code'> = {},
): void {
  if (found === expected) return
  throw new InverseFormError(
    'size-mismatch',
    `\`${name}\` must have ${expected} elements, ${what}, got ${found}.`,
    { hint, details: { found, expected, ...details } },
  )
}

const BYTE_ARRAYS: readonly string[] = ['Uint8Array', 'Uint8ClampedArray']
const INTEGER_ARRAYS: readonly string[] = [
  ...BYTE_ARRAYS,
  'Int8Array',
  'Uint16Array',
  'Int16Array',
  'Uint32Array',
  'Int32Array',
]

/** Throws unless an argument is a `Uint8Array` or a `Uint8ClampedArray`, of this realm or another. */
export function checkByteArray(
  name: string,
  value: unknown,
  options?: CheckOptions,
): asserts value is Uint8Array | Uint8ClampedArray {
  checkArgument(
    name,
    value,
    BYTE_ARRAYS.includes(typeName(value)),
    'a Uint8Array or a Uint8ClampedArray',
    options,
  )
}

/** Throws unless an argument is a typed array of integers of at most 32 bits, of this realm or another. */
export function checkIntegerArray(name: string, value: unknown, options?: CheckOptions): void {
  checkArgument(
    name,
    value,
    INTEGER_ARRAYS.includes(typeName(value)),
    'a typed array of integers of at most 32 bits, such as Uint8Array or Int32Array',
    options,
  )
}

/** The built-in type of a value, such as `Uint8Array`; it survives crossing realms, which `instanceof` does not. */
export function typeName(value: unknown): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1)
}

/** A value as an error shows it: short, on one line, strings in quotes. */
export function formatValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(shorten(value))
  if (ArrayBuffer.isView(value)) return `${typeName(value)} of ${(value as Uint8Array).length} elements`
  if (Array.isArray(value)) return `[${shorten(value.map(formatValue).join(', '))}]`
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  return `an object of type ${value.constructor?.name ?? typeName(value)}`
}

function shorten(text: string, most = 80): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}

function isWithin(
  value: number,
  { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity }: Bounds,
): boolean {
  return value >= min && value <= max && value > above && value < below
}

/** ` from 1 to 10`, ` of at least 0`, ` above 0 and below 1`, …; empty without bounds. */
function boundsText({ min, max, above, below }: Bounds): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`
  const parts = [
    min !== undefined && `of at least ${min}`,
    above !== undefined && `above ${above}`,
    max !== undefined && `of at most ${max}`,
    below !== undefined && `below ${below}`,
  ].filter(Boolean)
  return parts.length === 0 ? '' : ` ${parts.join(' and ')}`
}
