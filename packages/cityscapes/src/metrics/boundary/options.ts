import { checkArgument } from '@inverseform/errors'

/**
 * Checks an option that is a list of different numbers.
 * @param accepted what each number may be, such as "integers from 1 to 10"
 * @returns a copy of the list
 * @throws InverseFormError `invalid-argument` unless `values` is a list of at least one number, all valid and different
 */
export function checkNumbers(
  option: string,
  values: readonly number[],
  isValid: (value: number) => boolean,
  accepted: string,
): readonly number[] {
  const valid =
    Array.isArray(values) &&
    values.length > 0 &&
    values.every((value) => typeof value === 'number' && isValid(value)) &&
    new Set(values).size === values.length
  checkArgument(option, values, valid, `a list of different ${accepted}`)
  return [...values]
}

/** Returns the length of the diagonal of width x height pixels. */
export const diagonal = (width: number, height: number): number => Math.sqrt(width * width + height * height)
