import { checkArgument, formatValue, InverseFormError, isInverseFormError } from '@inverseform/errors'
import { damage, type Field, type JsonsOf, record, type ValuesOf, withoutStop } from './fields.js'

/** What the state of every metric starts with. */
export interface StateHeader {
  /** The metric, such as `inverseform.confusion-matrix`. */
  readonly format: string
  readonly version: number
}

type Fields = Readonly<Record<string, Field<unknown, unknown>>>

/** Declares the state of a metric: merging, writing and reading follow from it. */
interface Declaration<
  Format extends string,
  Version extends number,
  Given extends object,
  Options extends object,
  Stored extends keyof Options & string,
  F extends Fields,
> {
  /** Name of the metric in errors, such as `boundary F`. */
  readonly name: string
  readonly format: Format
  readonly version: Version
  /**
   * Checks options and fills in their defaults.
   * @throws InverseFormError `invalid-argument`
   */
  resolve(given: Given): Options
  /** The options that JSON stores, in its order; `numClasses` has the key `classes` there. */
  readonly stored: readonly Stored[]
  /** Returns the options that JSON does not store, from the JSON of the fields. */
  inferred?(json: Readonly<Record<string, unknown>>): object
  /** The parts of the state, in the order of the JSON. */
  fields(options: Options): F
}

type StoredKey<Option> = Option extends 'numClasses' ? 'classes' : Option

type StateJson<Format, Version, Options, Stored extends keyof Options, F extends Fields> = {
  readonly format: Format
  readonly version: Version
} & { readonly [Option in Stored as StoredKey<Option> & string]: Options[Option] } & JsonsOf<F>

const storedKey = (option: string): string => (option === 'numClasses' ? 'classes' : option)

/** The options and the accumulated values of one instance of a metric. */
export interface MetricState<Options, Values, Json> {
  readonly options: Options
  readonly values: Values
  /** @throws InverseFormError `invalid-argument` if the options differ, or a part cannot be merged */
  checkMergeable(other: MetricState<Options, Values, Json>): void
  /** Adds the values of another state after {@link checkMergeable}. An error leaves the values unchanged. */
  merge(other: MetricState<Options, Values, Json>): void
  /** Returns the state as JSON, which shares no list with it. */
  toJSON(): Json
}

/** The state that a declaration creates. */
export type StateOf<D extends { create(given: never): unknown }> = ReturnType<D['create']>

/**
 * Declares the state of a metric once.
 * @returns `create`, which makes the empty state for the options of a constructor, and `read`, which restores a state
 */
export function declareState<
  const Format extends string,
  const Version extends number,
  Given extends object,
  Options extends object,
  Stored extends keyof Options & string,
  F extends Fields,
>(declaration: Declaration<Format, Version, Given, Options, Stored, F>) {
  const { name, format, version, stored } = declaration
  type Values = ValuesOf<F>
  type Json = StateJson<Format, Version, Options, Stored, F>
  type State = MetricState<Options, Values, Json>

  function stateOf(options: Options, field: Field<Values, JsonsOf<F>>, values: Values): State {
    return {
      options,
      values,
      checkMergeable(other) {
        checkSameOptions(name, options, other.options)
        field.checkMergeable?.(values, other.values)
      },
      merge(other) {
        this.checkMergeable(other)
        field.merge(values, other.values)
      },
      toJSON() {
        const own = stored.map((option) => [storedKey(option), copyOf(options[option])])
        return { format, version, ...Object.fromEntries(own), ...field.write(values) }
      },
    }
  }

  function restore(json: Readonly<Record<string, unknown>>): State {
    const given = Object.fromEntries(
      stored.map((option) => {
        const value = json[storedKey(option)]
        if (value === undefined) throw damage(`${storedKey(option)} is missing`)
        return [option, value]
      }),
    )
    const options = declaration.resolve({ ...given, ...declaration.inferred?.(json) } as Given)
    const field = record(declaration.fields(options))
    const values = field.read(json, '')
    field.checkLimits?.(values, '', {})
    return stateOf(options, field, values)
  }

  return {
    /** @throws InverseFormError `invalid-argument` for invalid options */
    create(given: Given): State {
      checkArgument('options', given, typeof given === 'object' && given !== null, 'an object')
      const options = declaration.resolve(given)
      const field = record(declaration.fields(options))
      return stateOf(options, field, field.create())
    },

    /** @throws InverseFormError `unreadable` for the state of another metric or version, and for damaged states */
    read(json: unknown): State {
      checkHeader(json, format, version)
      try {
        return restore(json)
      } catch (error) {
        if (!isInverseFormError(error)) throw error
        throw new InverseFormError(
          'unreadable',
          `The state of ${format} is damaged: ${withoutStop(error.message)}.`,
          {
            hint: 'Compute the state again; this one was cut short or edited.',
          },
        )
      }
    },
  }
}

function checkHeader(
  json: unknown,
  format: string,
  version: number,
): asserts json is Readonly<Record<string, unknown>> {
  const header = (json ?? {}) as Partial<StateHeader>
  if (header.format === format && header.version === version) return
  throw new InverseFormError(
    'unreadable',
    `The JSON is not a state of ${format}, version ${version}: its format is ${formatValue(header.format)}, its version ${formatValue(header.version)}.`,
    { hint: 'Pass what toJSON() of the same metric returned, in this version of the package.' },
  )
}

/**
 * Checks the argument of `merge`. JSON and metrics of other kinds have no state of this kind.
 * @param has whether an object has it
 * @throws InverseFormError `invalid-argument`
 */
export function checkSameMetric(metric: string, other: unknown, has: (other: object) => boolean): void {
  checkArgument('other', other, typeof other === 'object' && other !== null && has(other), `a ${metric}`, {
    hint: `Restore JSON with ${metric}.fromJSON() first.`,
  })
}

/** @throws InverseFormError `invalid-argument` unless two instances of a metric have the same options */
export function checkSameOptions(metric: string, ours: object, theirs: object): void {
  const [a, b] = [JSON.stringify(ours), JSON.stringify(theirs)]
  if (a === b) return
  throw new InverseFormError(
    'invalid-argument',
    `A ${metric} with ${b} cannot be merged into one with ${a}.`,
    { hint: 'Merge only results with the same options.' },
  )
}

const copyOf = <Value>(value: Value): Value => (Array.isArray(value) ? ([...value] as Value) : value)
