import { isInverseFormError } from '@inverseform/errors'
import { ExactSum } from '../exact-sum.js'
import { damagedState, isCount, readSum } from '../state.js'

/** A list of counts from a state: one for each of `most`, which it cannot exceed. */
export function readCounts(format: string, name: string, json: unknown, most: readonly number[]): number[] {
  const isGood = (count: unknown, i: number): boolean => isCount(count) && count <= most[i]!
  if (Array.isArray(json) && json.length === most.length && json.every(isGood)) return [...json]
  throw damagedState(format, `${name} is not a list of ${most.length} counts that can be`)
}

/** A list of sums from a state: one for each of `most`, which it cannot exceed. */
export function readSums(format: string, name: string, json: unknown, most: readonly number[]): ExactSum[] {
  if (!Array.isArray(json) || json.length !== most.length)
    throw damagedState(format, `${name} is not a list of ${most.length} sums`)
  return most.map((limit, i) => readSum(format, `${name}[${i}]`, json[i], limit))
}

/** The same limit for each of `length` counts; without one, that of all whole numbers. */
export const atMost = (length: number, limit = Number.MAX_SAFE_INTEGER): number[] =>
  new Array<number>(length).fill(limit)

export const noCounts = (length: number): number[] => new Array<number>(length).fill(0)
export const noSums = (length: number): ExactSum[] => Array.from({ length }, () => new ExactSum())

export function addCounts(to: number[], from: readonly number[]): void {
  from.forEach((count, i) => {
    to[i]! += count
  })
}

export function addSums(to: readonly ExactSum[], from: readonly ExactSum[]): void {
  from.forEach((sum, i) => {
    to[i]!.merge(sum)
  })
}

/** Mean of the values that are numbers; NaN when none is. */
export function meanOfNumbers(values: readonly number[]): number {
  const numbers = values.filter((value) => !Number.isNaN(value))
  return numbers.reduce((total, value) => total + value, 0) / numbers.length
}

/** A list of whole numbers of pixels, each at least 1, from a state. */
export function readLengths(format: string, name: string, json: unknown): number[] {
  if (Array.isArray(json) && json.every((length) => isCount(length) && length > 0)) return [...json]
  throw damagedState(format, `${name} is not a list of whole numbers of pixels`)
}

/** An instance with the options of a state, which are damage to the state where they are not right. */
export function withOptions<Made>(format: string, make: () => Made): Made {
  try {
    return make()
  } catch (error) {
    throw isInverseFormError(error) ? damagedState(format, error.message.replace(/\.$/, '')) : error
  }
}
