import { InverseFormError } from '@inverseform/errors'

/** Throws `invalid-argument` unless an option has one of the values it can have. */
export function expectOneOf<Value extends string>(
  option: string,
  value: Value,
  allowed: readonly Value[],
): void {
  if (allowed.includes(value)) return
  throw new InverseFormError('invalid-argument', `The option ${option} is ${JSON.stringify(value)}.`, {
    hint: `Pass ${allowed.join(' or ')}.`,
    details: { [option]: value },
  })
}
