import { InverseFormError } from '@inverseform/errors'

/** Checks that an option is a finite number above 0. */
export function checkPositive(name: string, value: number): void {
  if (Number.isFinite(value) && value > 0) return
  throw new InverseFormError('invalid-argument', `${name} is ${value}.`, {
    hint: 'Give a finite number above 0.',
    details: { [name]: value },
  })
}

/** Checks that an option is an integer of at least `least`. */
export function checkInteger(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return
  throw new InverseFormError('invalid-argument', `${name} is ${value}.`, {
    hint: `Give an integer of at least ${least}.`,
    details: { [name]: value },
  })
}

/** Checks that an option is a number in [0, 1]. */
export function checkShare(name: string, value: number): void {
  if (value >= 0 && value <= 1) return
  throw new InverseFormError('invalid-argument', `${name} is ${value}.`, {
    hint: 'Give a number in 0..1.',
    details: { [name]: value },
  })
}
