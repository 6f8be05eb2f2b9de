import { InverseFormError } from '@inverseform/errors'

/** Throws `size-mismatch` unless `found` elements are `expected`, as in "The overlay needs 12 train ids, not 10." */
export function expectSize(what: string, expected: number, found: number, hint: string): void {
  if (found !== expected)
    throw new InverseFormError('size-mismatch', `${what}: expected ${expected} elements, found ${found}.`, {
      hint,
      details: { expected, found },
    })
}
