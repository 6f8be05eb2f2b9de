import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { ExactSum } from './exact-sum.js'
import { type ClassOptions, resolveClasses } from './ids.js'

/** What every metric's state starts with. */
export interface StateHeader {
  /** Which metric's it is, such as `inverseform.confusion-matrix`. */
  readonly format: string
  readonly version: number
}

/**
 * Checks the header of a state read from JSON.
 * @throws InverseFormError `unreadable` for another metric's, another version's, or none
 */
export function expectState<State extends StateHeader>(
  json: unknown,
  format: State['format'],
  version: State['version'],
): Partial<State> {
  const state = (json ?? {}) as Partial<State>
  if (state.format === format && state.version === version) return state
  throw new InverseFormError(
    'unreadable',
    `Not a state of ${format}, version ${version}: format ${JSON.stringify(state.format)}, version ${JSON.stringify(state.version)}.`,
    { hint: 'Pass what the same metric returned from toJSON(), written by this version of the package.' },
  )
}

/** The error for a state whose header is right and whose content is not. */
export function damagedState(format: string, what: string): InverseFormError {
  return new InverseFormError('unreadable', `A damaged state of ${format}: ${what}.`, {
    hint: 'Write the results again; this file was cut short or edited.',
  })
}

/** A whole number of pixels or images, at least 0. */
export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0

/**
 * A sum of fractions or lengths from a state.
 * @param most what it cannot exceed
 * @throws InverseFormError `unreadable` for anything but a list of finite numbers that add up to 0..most
 */
export function readSum(format: string, name: string, json: unknown, most: number): ExactSum {
  if (Array.isArray(json) && json.every(Number.isFinite)) {
    const sum = new ExactSum(json)
    if (sum.value >= 0 && sum.value <= most) return sum
  }
  throw damagedState(format, `${name} is ${JSON.stringify(json)}, not the parts of a sum in 0..${most}`)
}

/**
 * The classes of a state read from JSON.
 * @throws InverseFormError `unreadable` where they are not what a metric can have
 */
export function expectClasses(
  { classes, ignoreIndex }: ClassOptions,
  format: string,
): Readonly<Required<ClassOptions>> {
  if (classes === undefined || ignoreIndex === undefined)
    throw damagedState(format, `classes is ${classes}, ignoreIndex is ${ignoreIndex}`)
  try {
    return resolveClasses({ classes, ignoreIndex })
  } catch (error) {
    throw isInverseFormError(error) ? damagedState(format, error.message.replace(/\.$/, '')) : error
  }
}

/** @throws InverseFormError `invalid-argument` unless two instances of a metric have the same options */
export function expectSameOptions(metric: string, ours: object, theirs: object): void {
  const [a, b] = [JSON.stringify(ours), JSON.stringify(theirs)]
  if (a === b) return
  throw new InverseFormError(
    'invalid-argument',
    `A ${metric} with ${b} cannot be merged into one with ${a}.`,
    {
      hint: 'Merge only results of the same options.',
    },
  )
}
