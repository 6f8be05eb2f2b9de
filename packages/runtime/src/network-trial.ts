import type { Session } from './backend.js'
import { notUsable, type Precision, type Rung } from './ladder.js'
import { type CheckOutputs, disagreement } from './self-check.js'

const TRIAL_SHAPE: readonly number[] = [1, 3, 37, 61]

/**
 * How far a network's outputs in float16 may be off float32's, as a share of the largest. The demonstration checkpoint's are 0.7 %
 * off and 0.08 % of its labels change; where a softmax or a sum loses what it hangs on, outputs have nothing in common.
 */
export const FLOAT16_TOLERANCE = 0.02

export interface TrialOptions {
  readonly precision: Precision
  /** What becomes of a network that float16 spoils; `skip` does not compare. */
  readonly selfCheck: 'refuse' | 'warn' | 'skip'
  /** The outputs of the same network in float32. Asked for only where they are needed. */
  readonly reference: () => Promise<CheckOutputs>
}

/** Runs a network on a tiny made-up image. */
export function runTrial(session: Session): Promise<CheckOutputs> {
  const length = TRIAL_SHAPE.reduce((product, n) => product * n, 1)
  // Values in [-2, 2), as normalised images have, none like its neighbours.
  const data = Float32Array.from({ length }, (_, i) => 4 * ((i * 0.6180339887498949) % 1) - 2)
  return session.run({ image: { data, shape: TRIAL_SHAPE } })
}

/**
 * Tries the network itself on a device that computes rightly: it may not be able to run this one, and what float16 makes of a network
 * depends on its weights.
 * @returns what there is to say of a network that is used although float16 spoils it; else how far it is off, where it was compared
 * @throws `runtime-unavailable` when outputs are not finite, or float16 spoils them
 */
export async function tryNetwork(
  session: Session,
  { precision, selfCheck, reference }: TrialOptions,
): Promise<Partial<Pick<Rung, 'reason' | 'disagreement'>>> {
  const outputs = await runTrial(session)
  if (!Object.values(outputs).every(({ data }) => data.every(Number.isFinite))) {
    throw notUsable(
      { outcome: 'refused', reason: 'In a trial run the network gave values that are not finite.' },
      { hint: 'Use the precision float32, or another device.' },
    )
  }
  if (precision === 'float32' || selfCheck === 'skip') return {}
  const share = disagreement(outputs, await reference())
  if (share <= FLOAT16_TOLERANCE) return { disagreement: share }
  const percent = (100 * share).toPrecision(2)
  const reason = `In ${precision} this network's outputs are off float32's by ${percent} % of the largest value.`
  if (selfCheck === 'warn') return { reason, disagreement: share }
  throw notUsable(
    { outcome: 'refused', reason, disagreement: share },
    { hint: 'Use the precision float32; the self-check set to `warn` uses float16 all the same.' },
  )
}
