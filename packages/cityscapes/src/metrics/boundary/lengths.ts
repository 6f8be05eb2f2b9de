import { InverseFormError } from '@inverseform/errors'

/**
 * A copy of an option that is a list of different numbers.
 * @throws InverseFormError `invalid-argument` for no list, an empty one, a number that is not `allowed`, or one given twice
 */
export function checkNumbers(
  option: string,
  values: readonly number[],
  allowed: (value: number) => boolean,
  hint: string,
): readonly number[] {
  const isGood = (value: unknown): boolean => typeof value === 'number' && allowed(value)
  if (
    Array.isArray(values) &&
    values.length > 0 &&
    values.every(isGood) &&
    new Set(values).size === values.length
  )
    return [...values]
  throw new InverseFormError('invalid-argument', `The option ${option} is ${inspect(values)}.`, {
    hint,
    details: { [option]: values },
  })
}

/** A value as text, in which NaN and Infinity, unlike in JSON, are themselves. */
const inspect = (value: unknown): string =>
  Array.isArray(value)
    ? `[${value.map(inspect).join(', ')}]`
    : typeof value === 'number'
      ? `${value}`
      : `${JSON.stringify(value)}`

/** Length of the diagonal of width x height pixels. */
export const diagonal = (width: number, height: number): number => Math.sqrt(width * width + height * height)

/** Adds a length to an ascending list that holds each once. */
export function addLength(lengths: number[], length: number): void {
  if (lengths.includes(length)) return
  lengths.push(length)
  lengths.sort((a, b) => a - b)
}
