import { InverseFormError } from '@inverseform/errors'

/** @throws `invalid-argument` naming the option, unless it is valid */
export function requireOption(name: string, value: unknown, valid: boolean, expected: string): void {
  if (valid) return
  throw new InverseFormError('invalid-argument', `The option ${name} is ${value}.`, {
    hint: `Give ${expected}.`,
  })
}

/** @throws `runtime-unavailable` unless the device is one of these */
export function requireDevice(device: string, known: readonly string[]): void {
  if (known.includes(device)) return
  throw new InverseFormError('runtime-unavailable', `There is no device "${device}" to run on.`, {
    hint: `The devices are ${known.join(', ')}.`,
  })
}

/** @throws `invalid-argument` unless it is undefined or a number of bytes above 0 */
export function requireMemoryBudget(memoryBudget: number | undefined): void {
  const valid = memoryBudget === undefined || memoryBudget > 0
  requireOption('memoryBudget', memoryBudget, valid, 'a number of bytes above 0')
}

/** @throws `invalid-argument` unless it is a whole number */
export function requireThreads(threads: number): void {
  requireOption(
    'threads',
    threads,
    Number.isInteger(threads) && threads >= 0,
    'a whole number, 0 for all cores',
  )
}
