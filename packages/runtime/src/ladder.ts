import { InverseFormError, type InverseFormErrorCode, isInverseFormError } from '@inverseform/errors'

/** What a network's values are computed in. */
export type Precision = 'float32' | 'float16'

/**
 * What became of a device:
 *
 * - `used`: networks run on it
 * - `unavailable`: the machine, the browser or the installation does not have it
 * - `failed`: it is there, but could not be started or could not take the network
 * - `refused`: it works, but computes something else than the CPU, or is a CPU in disguise
 */
export type RungOutcome = 'used' | 'unavailable' | 'failed' | 'refused'

/** Where a network could run, and how. */
export interface Candidate<D extends string = string> {
  readonly device: D
  readonly precision: Precision
}

/** A device that was tried, and why it was taken or left. */
export interface Rung<D extends string = string> extends Candidate<D> {
  readonly outcome: RungOutcome
  /** A full sentence. */
  readonly reason: string
  /** How far it was off the CPU in the self-check, as a share of the largest value; not there when it was not checked. */
  readonly disagreement?: number
}

/** What was opened on a device, and what there is to say of it. */
export interface Attempt<T> extends Pick<Rung, 'reason' | 'disagreement'> {
  readonly opened: T
}

export interface Climb<T, D extends string = string> extends Candidate<D> {
  readonly opened: T
  /** The devices tried, in order; the last one is the one that is used. */
  readonly ladder: readonly Rung<D>[]
}

/** Failures that another device may not have; all others, such as a damaged checkpoint, are everyone's. */
const ofTheDevice: readonly InverseFormErrorCode[] = [
  'runtime-unavailable',
  'inference-failed',
  'out-of-memory',
]

/**
 * Tries devices in order until one can be opened.
 * @throws with one candidate, what its attempt throws; with several, when none can be used: `out-of-memory` or
 * `inference-failed` if that is what the last one said, else `runtime-unavailable` with the reason of each
 */
export async function climb<T, D extends string>(
  candidates: readonly Candidate<D>[],
  attempt: (candidate: Candidate<D>) => Promise<Attempt<T>>,
): Promise<Climb<T, D>> {
  const ladder: Rung<D>[] = []
  for (const candidate of candidates) {
    try {
      const { opened, ...said } = await attempt(candidate)
      return { ...candidate, opened, ladder: [...ladder, { ...candidate, outcome: 'used', ...said }] }
    } catch (error) {
      if (!isInverseFormError(error) || !ofTheDevice.includes(error.code)) throw error
      ladder.push(rungOf(candidate, error))
      const isLast = ladder.length === candidates.length
      if (isLast && (ladder.length === 1 || error.code !== 'runtime-unavailable')) throw error
    }
  }
  const tried = ladder.map(({ device, reason }) => `${device}: ${reason}`)
  throw new InverseFormError('runtime-unavailable', `No device can run the network. ${tried.join(' ')}`, {
    hint: 'Name one of them as the device to learn what it needs.',
    details: { ladder },
  })
}

/** The error of an attempt that leaves a device. */
export function notUsable(
  { outcome, reason, disagreement }: Omit<Rung, keyof Candidate>,
  { hint, cause }: { readonly hint: string; readonly cause?: unknown },
): InverseFormError {
  const details = { outcome, ...(disagreement !== undefined && { disagreement }) }
  return new InverseFormError('runtime-unavailable', reason, { hint, cause, details })
}

/** What a failed attempt says of its device. */
export function rungOf<D extends string>(
  { device, precision }: Candidate<D>,
  { message, details }: InverseFormError,
): Rung<D> {
  const { outcome = 'failed', disagreement } = details as Partial<Rung>
  return {
    device,
    precision,
    outcome,
    reason: message,
    ...(disagreement !== undefined && { disagreement }),
  }
}
