import { formatValue, InverseFormError, isInverseFormError } from '@inverseform/errors'
import { ExactSum } from '@inverseform/shared'

/** One part of a metric's state: how it starts, merges, and is written to and read from JSON. */
export interface Field<Value, Json> {
  /** Returns the value before the first image. */
  create(): Value
  /** Throws if two values cannot be merged. Without this method, all can. */
  checkMergeable?(ours: Value, theirs: Value): void
  /** Returns the merged value; arrays and sums are added to `ours` in place. `theirs` may be the same value. */
  merge(ours: Value, theirs: Value): Value
  /** Returns the value as JSON, which shares nothing with it. */
  write(value: Value): Json
  /**
   * Reads the value from JSON.
   * @param path name of the part in errors, such as `perRatio[0].union`
   * @throws InverseFormError `unreadable`
   */
  read(json: unknown, path: string): Value
  /**
   * Checks a value that was read against the other parts of the state.
   * @throws InverseFormError `unreadable`
   */
  checkLimits?(value: Value, path: string, scope: Scope): void
}

/** The values of the record that a field is in, and of the records around it, by name. */
export type Scope = Readonly<Record<string, unknown>>

/**
 * The most that counts or sums can be: the name of a field in the {@link Scope}, or a function of the scope. A list holds
 * one limit for each element, a number is the limit of all.
 */
export type Limit = string | ((scope: Scope) => number | ArrayLike<number>)

export type ValueOf<F> = F extends Field<infer Value, unknown> ? Value : never
export type JsonOf<F> = F extends Field<unknown, infer Json> ? Json : never

type Fields = Readonly<Record<string, Field<unknown, unknown>>>
export type ValuesOf<F extends Fields> = { -readonly [Name in keyof F]: ValueOf<F[Name]> }
export type JsonsOf<F extends Fields> = { readonly [Name in keyof F]: JsonOf<F[Name]> }

/** A number of pixels or images. */
export function count(limit?: Limit): Field<number, number> {
  return {
    create: () => 0,
    checkMergeable: (ours, theirs) => checkTotals([ours], [theirs]),
    merge: (ours, theirs) => ours + theirs,
    write: (value) => value,
    read(json, path) {
      if (isCount(json)) {
        checkTotal([json], path)
        return json
      }
      throw damage(`${path} is ${formatValue(json)}, not a count`)
    },
    checkLimits: (value, path, scope) => checkAtMost([value], () => path, limit, scope),
  }
}

/** A list of numbers of pixels or images. */
export function counts(length: number, limit?: Limit): Field<Float64Array, readonly number[]> {
  return {
    create: () => new Float64Array(length),
    checkMergeable: checkTotals,
    merge: mergeCounts,
    write: (values) => [...values],
    read(json, path) {
      if (Array.isArray(json) && json.length === length && json.every(isCount)) {
        checkTotal(json, path)
        return Float64Array.from(json)
      }
      throw damage(`${path} is ${formatValue(json)}, not a list of ${length} counts`)
    },
    checkLimits: (values, path, scope) => checkAtMost(values, (i) => `${path}[${i}]`, limit, scope),
  }
}

/**
 * Adds counts in place and returns their sum. It skips zeros, so that the untouched memory of a large, sparse matrix stays
 * uncommitted.
 */
export function addCounts(to: Float64Array, from: ArrayLike<number>): number {
  let total = 0
  for (let i = 0; i < to.length; i++) {
    const count = from[i]
    if (count === 0) continue
    to[i] += count
    total += count
  }
  return total
}

export function mergeCounts(ours: Float64Array, theirs: Float64Array): Float64Array {
  addCounts(ours, theirs)
  return ours
}

/** The most that the counts of one list add up to, so that the sum of a few lists and of new images is a safe integer. */
const MOST_COUNTED = 2 ** 51

/** @throws InverseFormError `unreadable` if the counts of a state are more than any data set has */
export function checkTotal(values: ArrayLike<number>, path: string): void {
  if (total(values) <= MOST_COUNTED) return
  throw damage(`the counts of ${path} add up to more than ${MOST_COUNTED}`)
}

/** @throws InverseFormError `invalid-argument` if the counts of two states are more than any data set has */
export function checkTotals(ours: ArrayLike<number>, theirs: ArrayLike<number>): void {
  if (total(ours) + total(theirs) <= MOST_COUNTED) return
  throw new InverseFormError('invalid-argument', `The counts add up to more than ${MOST_COUNTED}.`, {
    hint: 'One of the states is damaged. Compute it again.',
  })
}

function total(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]
  return sum
}

/** An exact sum of fractions or lengths, at least 0. JSON holds doubles whose exact sum it is. */
export function exactSum(limit: Limit): Field<ExactSum, readonly number[]> {
  return {
    create: () => new ExactSum(),
    merge(ours, theirs) {
      ours.merge(theirs)
      return ours
    },
    write: (sum) => sum.toJSON(),
    read(json, path) {
      if (Array.isArray(json) && json.every(Number.isFinite)) {
        const sum = new ExactSum(json)
        if (sum.value >= 0) return sum
      }
      throw damage(`${path} is ${formatValue(json)}, not the parts of a sum of at least 0`)
    },
    checkLimits: (sum, path, scope) => checkAtMost([sum.value], () => path, limit, scope),
  }
}

/** A list of exact sums; see {@link exactSum}. */
export function exactSums(
  length: number,
  limit: Limit,
): Field<readonly ExactSum[], readonly (readonly number[])[]> {
  return {
    ...listOf(length, exactSum(limit)),
    checkLimits(sums, path, scope) {
      const values = sums.map(({ value }) => value)
      checkAtMost(values, (i) => `${path}[${i}]`, limit, scope)
    },
  }
}

/** A set of lengths in pixels, as an ascending list. Merging unites the sets. */
export function lengths(): Field<number[], readonly number[]> {
  return {
    create: () => [],
    merge(ours, theirs) {
      for (const length of theirs) addLength(ours, length)
      return ours
    },
    write: (values) => [...values],
    read(json, path) {
      if (Array.isArray(json) && json.every((length) => isCount(length) && length > 0)) {
        return this.merge([], json)
      }
      throw damage(`${path} is ${formatValue(json)}, not a list of lengths in pixels`)
    },
  }
}

/** Adds a length to an ascending list without duplicates. */
export function addLength(lengths: number[], length: number): void {
  if (lengths.includes(length)) return
  lengths.push(length)
  lengths.sort((a, b) => a - b)
}

/** A list of `length` values of one kind. */
export function listOf<Value, Json>(
  length: number,
  field: Field<Value, Json>,
): Field<readonly Value[], readonly Json[]> {
  return {
    create: () => Array.from({ length }, () => field.create()),
    checkMergeable(ours, theirs) {
      ours.forEach((value, i) => {
        field.checkMergeable?.(value, theirs[i])
      })
    },
    merge: (ours, theirs) => ours.map((value, i) => field.merge(value, theirs[i])),
    write: (values) => values.map((value) => field.write(value)),
    read(json, path) {
      if (!Array.isArray(json) || json.length !== length) {
        throw damage(`${path} is ${formatValue(json)}, not a list of ${length} elements`)
      }
      return json.map((value, i) => field.read(value, `${path}[${i}]`))
    },
    checkLimits(values, path, scope) {
      values.forEach((value, i) => {
        field.checkLimits?.(value, `${path}[${i}]`, scope)
      })
    },
  }
}

/** Values under fixed names. */
export function record<F extends Fields>(fields: F): Field<ValuesOf<F>, JsonsOf<F>> {
  const entries = Object.entries(fields)
  const map = (value: (field: Field<unknown, unknown>, name: string) => unknown): Record<string, unknown> =>
    Object.fromEntries(entries.map(([name, field]) => [name, value(field, name)]))
  return {
    create: () => map((field) => field.create()) as ValuesOf<F>,
    checkMergeable(ours, theirs) {
      for (const [name, field] of entries) field.checkMergeable?.(ours[name], theirs[name])
    },
    merge(ours, theirs) {
      return Object.assign(
        ours,
        map((field, name) => field.merge(ours[name], theirs[name])),
      )
    },
    write: (values) => map((field, name) => field.write(values[name])) as JsonsOf<F>,
    read(json, path) {
      if (typeof json !== 'object' || json === null) {
        throw damage(`${path} is ${formatValue(json)}, not an object`)
      }
      const at = path === '' ? '' : `${path}.`
      return map((field, name) =>
        field.read((json as Record<string, unknown>)[name], `${at}${name}`),
      ) as ValuesOf<F>
    },
    checkLimits(values, path, scope) {
      const at = path === '' ? '' : `${path}.`
      for (const [name, field] of entries) {
        field.checkLimits?.(values[name], `${at}${name}`, { ...scope, ...values })
      }
    },
  }
}

/** A part that the options leave out, null in JSON. */
export const absent: Field<null, null> = {
  create: () => null,
  merge: () => null,
  write: () => null,
  read(json, path) {
    if (json === null) return null
    throw damage(`${path} is ${formatValue(json)}, not null`)
  },
}

interface NestedMetric {
  checkMergeable(other: this): void
  merge(other: this): void
  toJSON(): unknown
}

/** Another metric, with fixed options. */
export function nested<M extends NestedMetric>(
  create: () => M,
  fromJSON: (json: unknown) => M,
): Field<M, ReturnType<M['toJSON']>> {
  return {
    create,
    checkMergeable: (ours, theirs) => ours.checkMergeable(theirs),
    merge(ours, theirs) {
      ours.merge(theirs)
      return ours
    },
    write: (metric) => metric.toJSON() as ReturnType<M['toJSON']>,
    read(json, path) {
      try {
        const metric = fromJSON(json)
        create().checkMergeable(metric)
        return metric
      } catch (error) {
        throw isInverseFormError(error) ? damage(`${path}: ${withoutStop(error.message)}`) : error
      }
    },
  }
}

/** Creates the error for damaged JSON; {@link declareState} adds the metric. */
export const damage = (what: string): InverseFormError => new InverseFormError('unreadable', what)

export const withoutStop = (message: string): string => message.replace(/\.$/, '')

/** Whether JSON is a number of pixels or images. */
export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0

function checkAtMost(
  values: ArrayLike<number>,
  path: (i: number) => string,
  limit: Limit | undefined,
  scope: Scope,
): void {
  if (limit === undefined) return
  const most = typeof limit === 'string' ? (scope[limit] as number | ArrayLike<number>) : limit(scope)
  for (let i = 0; i < values.length; i++) {
    const at = typeof most === 'number' ? most : most[i]
    if (!(values[i] <= at)) throw damage(`${path(i)} is ${values[i]}, above its limit ${at}`)
  }
}
