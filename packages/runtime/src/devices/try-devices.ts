import { InverseFormError, type InverseFormErrorCode, isInverseFormError } from '@inverseform/errors'

/** The type a network computes in. */
export type Precision = 'float32' | 'float16'

/**
 * What happened to a device that was tried:
 *
 * - `used`: networks run on it
 * - `unavailable`: the machine, the browser or the installation does not have it
 * - `failed`: it exists, but could not be started or could not load the network
 * - `refused`: it works, but its results differ from the CPU's, or it is a GPU in software
 */
export type AttemptOutcome = 'used' | 'unavailable' | 'failed' | 'refused'

/** A device and a precision that a network could run in. */
export interface Candidate<D extends string = string> {
  readonly device: D
  readonly precision: Precision
}

/** A device that was tried, and why it was used or not. */
export interface Attempt<D extends string = string> extends Candidate<D> {
  readonly outcome: AttemptOutcome
  /** A full sentence. */
  readonly reason: string
  /** Largest difference from the CPU in the self-check, as a share of the largest value; undefined without a check. */
  readonly disagreement?: number
}

/** What an attempt opened, and what it learned about the device. */
export interface Opened<T> extends Pick<Attempt, 'reason' | 'disagreement'> {
  readonly opened: T
}

/** What the first usable device opened. */
export interface OpenedDevice<T, D extends string = string> extends Candidate<D> {
  readonly opened: T
  /** The devices tried, in order; the last one is used. */
  readonly attempts: readonly Attempt<D>[]
}

/** Failures that another device may not have. All others, such as a damaged checkpoint, affect every device. */
const DEVICE_ERRORS: readonly InverseFormErrorCode[] = [
  'runtime-unavailable',
  'inference-failed',
  'out-of-memory',
]

/**
 * Tries devices in order until one can be opened.
 *
 * @throws with one candidate, the error of its attempt; with several, when none is usable: the last error if it is
 * `out-of-memory` or `inference-failed`, else `runtime-unavailable` with the reason of each attempt
 */
export async function tryDevices<T, D extends string>(
  candidates: readonly Candidate<D>[],
  attempt: (candidate: Candidate<D>) => Promise<Opened<T>>,
): Promise<OpenedDevice<T, D>> {
  const attempts: Attempt<D>[] = []
  for (const candidate of candidates) {
    try {
      const { opened, ...findings } = await attempt(candidate)
      return { ...candidate, opened, attempts: [...attempts, { ...candidate, outcome: 'used', ...findings }] }
    } catch (error) {
      if (!isInverseFormError(error) || !DEVICE_ERRORS.includes(error.code)) throw error
      attempts.push(failedAttempt(candidate, error))
      const isLast = attempts.length === candidates.length
      if (isLast && (attempts.length === 1 || error.code !== 'runtime-unavailable')) throw error
    }
  }
  const reasons = attempts.map(({ device, reason }) => `${device}: ${reason}`)
  throw new InverseFormError('runtime-unavailable', `No device can run the network. ${reasons.join(' ')}`, {
    hint: 'Set `device` to one of them to learn what it needs.',
    details: { attempts },
  })
}

/** Returns the error of an attempt whose device is not used. */
export function notUsable(
  { outcome, reason, disagreement }: Omit<Attempt, keyof Candidate>,
  { hint, cause }: { readonly hint: string; readonly cause?: unknown },
): InverseFormError {
  const details = { outcome, ...(disagreement !== undefined && { disagreement }) }
  return new InverseFormError('runtime-unavailable', reason, { hint, cause, details })
}

/** Returns the attempt that failed with an error. */
export function failedAttempt<D extends string>(
  { device, precision }: Candidate<D>,
  { message, details }: InverseFormError,
): Attempt<D> {
  const { outcome = 'failed', disagreement } = details as Partial<Attempt>
  return {
    device,
    precision,
    outcome,
    reason: message,
    ...(disagreement !== undefined && { disagreement }),
  }
}
