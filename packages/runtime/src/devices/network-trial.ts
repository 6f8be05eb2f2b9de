import { product } from '@inverseform/shared'
import type { Session } from '../engine/backend.js'
import type { SelfCheckOption } from './options.js'
import { type CheckOutputs, disagreement } from './self-check.js'
import { type Attempt, notUsable, type Precision } from './try-devices.js'

const TRIAL_SHAPE: readonly number[] = [1, 3, 37, 61]

/**
 * How far outputs in float16 may differ from float32's, as a share of the largest value. With the demonstration checkpoint
 * they differ by 0.7 %, and 0.08 % of the labels change. If a softmax or a sum loses the digits that it depends on, the
 * outputs are unrelated.
 */
export const FLOAT16_TOLERANCE = 0.02

export interface TrialOptions {
  readonly precision: Precision
  /** What to do if float16 changes the outputs too much; `skip` does not compare. */
  readonly selfCheck: SelfCheckOption
  /** Computes the outputs of the same network in float32. Called only when they are needed. */
  readonly reference: () => Promise<CheckOutputs>
}

/** Runs a network on a tiny synthetic image. */
export function runTrial(session: Session): Promise<CheckOutputs> {
  const length = product(TRIAL_SHAPE)
  // Values in [-2, 2), the range of normalized images; neighbors differ.
  const data = Float32Array.from({ length }, (_, i) => 4 * ((i * 0.6180339887498949) % 1) - 2)
  return session.run({ image: { data, shape: TRIAL_SHAPE } })
}

/**
 * Runs the network itself on a device that has passed the self-check: the device may not support this network, and the
 * error of float16 depends on the weights.
 *
 * @returns a reason if the network is used although float16 changes its outputs too much; the disagreement if it was
 * compared
 * @throws `runtime-unavailable` if outputs are not finite, or float16 changes them too much
 */
export async function tryNetwork(
  session: Session,
  { precision, selfCheck, reference }: TrialOptions,
): Promise<Partial<Pick<Attempt, 'reason' | 'disagreement'>>> {
  const outputs = await runTrial(session)
  if (!Object.values(outputs).every(({ data }) => data.every(Number.isFinite))) {
    throw notUsable(
      { outcome: 'refused', reason: 'In a trial run, outputs of the network were not finite.' },
      { hint: 'Set `precision` to `float32`, or use another device.' },
    )
  }
  if (precision === 'float32' || selfCheck === 'skip') return {}
  const share = disagreement(outputs, await reference())
  if (share <= FLOAT16_TOLERANCE) return { disagreement: share }
  const percent = (100 * share).toPrecision(2)
  const reason = `In ${precision}, outputs of this network differ from float32's by ${percent} % of the largest value.`
  if (selfCheck === 'warn') return { reason, disagreement: share }
  throw notUsable(
    { outcome: 'refused', reason, disagreement: share },
    { hint: 'Set `precision` to `float32`. To use float16 anyway, set `selfCheck` to `warn`.' },
  )
}
