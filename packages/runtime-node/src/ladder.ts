import { InverseFormError, type InverseFormErrorCode, isInverseFormError } from '@inverseform/errors'
import type { Device } from './devices.js'

/**
 * What became of a device:
 *
 * - `used`: networks run on it
 * - `unavailable`: the machine or the installation does not have it
 * - `failed`: it is there, but could not be started or could not take the network
 * - `refused`: it works, but computes something else than the CPU, or is a CPU in disguise
 */
export type RungOutcome = 'used' | 'unavailable' | 'failed' | 'refused'

/** A device that was tried, and why it was taken or left. */
export interface Rung {
  readonly device: Device
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

export interface Climb<T> {
  readonly device: Device
  readonly opened: T
  /** The devices tried, in order; the last one is the one that is used. */
  readonly ladder: readonly Rung[]
}

/** Failures that another device may not have; all others, such as a damaged checkpoint, are everyone's. */
const ofTheDevice: readonly InverseFormErrorCode[] = [
  'runtime-unavailable',
  'inference-failed',
  'out-of-memory',
]

/**
 * Tries devices in order until one can be opened.
 * @throws what the last device's attempt throws: with one device, why that one cannot be used.
 */
export async function climb<T>(
  devices: readonly Device[],
  attempt: (device: Device) => Promise<Attempt<T>>,
): Promise<Climb<T>> {
  const ladder: Rung[] = []
  for (const device of devices.slice(0, -1)) {
    try {
      return taken(device, await attempt(device))
    } catch (error) {
      if (!isInverseFormError(error) || !ofTheDevice.includes(error.code)) throw error
      ladder.push(rungOf(device, error))
    }
  }
  const last = devices[devices.length - 1]
  return taken(last, await attempt(last))

  function taken(device: Device, { opened, ...said }: Attempt<T>): Climb<T> {
    return { device, opened, ladder: [...ladder, { device, outcome: 'used', ...said }] }
  }
}

/** The error of an attempt that leaves a device. */
export function notUsable(
  { device, outcome, reason, disagreement }: Rung,
  { hint, cause }: { readonly hint: string; readonly cause?: unknown },
): InverseFormError {
  const details = { device, outcome, ...(disagreement !== undefined && { disagreement }) }
  return new InverseFormError('runtime-unavailable', reason, { hint, cause, details })
}

/** What a failed attempt says of its device. */
export function rungOf(device: Device, { message, details }: InverseFormError): Rung {
  const { outcome = 'failed', disagreement } = details as Partial<Rung>
  return { device, outcome, reason: message, ...(disagreement !== undefined && { disagreement }) }
}
