import { availableParallelism } from 'node:os'
import { InverseFormError } from '@inverseform/errors'
import { expectOneOf } from '../one-of.js'
import { type EvaluationPlan, evaluatePair, type PairToEvaluate, type PixelIds } from './evaluate-pair.js'
import { createMetrics, type MetricSelection, type Metrics, mergeMetrics } from './metric-set.js'
import { MetricsThread } from './metrics-thread.js'

export interface EvaluatePairsOptions<Selection extends MetricSelection = MetricSelection> {
  /** The metrics to gather, each with the options of its class; `{}` for its defaults. */
  readonly metrics: Selection
  /** What the truths hold. Default `labelIds`; the official evaluation needs these. */
  readonly truthIds?: PixelIds
  /** What the predictions hold. Default `labelIds`. */
  readonly predictionIds?: PixelIds
  /** Whether the truths' 0 is no class and 1 is the first one, as in ADE20K. Default false. */
  readonly reduceZeroLabel?: boolean
  /** Number of threads, 0 for none but the caller's. Default: one a core. Never more than pairs. */
  readonly workers?: number
  /** Told after each pair, in no certain order. */
  readonly onProgress?: (progress: EvaluationProgress) => void
  readonly signal?: AbortSignal
}

export interface EvaluationProgress {
  /** Number of pairs evaluated … */
  readonly done: number
  /** … of so many. */
  readonly total: number
  /** The pair evaluated last. */
  readonly name: string
}

/**
 * Measures the predictions of a data set, files in, metrics out: on all cores, with a few images in memory at a time.
 * The metrics merge exactly, so that the number of threads changes nothing in them.
 *
 * @param pairs as `matchPairs` and `matchByStem` find them; each needs a name of its own for `perImage`
 * @returns the metrics selected, by name
 * @throws InverseFormError `invalid-argument` for options that cannot be; `not-found`, `unreadable`, `limit-exceeded`
 *   for a file that cannot be read; `size-mismatch` for two maps of different sizes; `invalid-dataset` for an id that
 *   cannot be, naming files and pixel; `out-of-memory` and `runtime-unavailable` when a thread ends by itself; the signal's reason when aborted. No
 *   thread outlives the call.
 */
export async function evaluatePairs<const Selection extends MetricSelection>(
  pairs: readonly PairToEvaluate[],
  options: EvaluatePairsOptions<Selection>,
): Promise<Metrics<Selection>> {
  const total = createMetrics(options.metrics)
  const plan = planOf(options)
  const { workers = availableParallelism(), signal, onProgress } = options
  if (!Number.isInteger(workers) || workers < 0)
    throw new InverseFormError('invalid-argument', `There cannot be ${workers} workers.`, {
      hint: 'Pass a whole number of threads, or 0 to work in the thread of the caller.',
    })
  if (total.perImage !== undefined) expectOwnNames(pairs)
  signal?.throwIfAborted()
  const threads = Array.from({ length: Math.min(workers, pairs.length) }, () => new MetricsThread(plan))
  const end = () => Promise.all(threads.map((thread) => thread.end()))
  let next = 0
  let done = 0
  let failure: { readonly error: unknown } | undefined
  const stop = (error: unknown): void => {
    failure ??= { error }
    next = pairs.length
    end()
  }
  /** Takes one pair after the other, as do others beside it. */
  const lane = async (thread: MetricsThread | undefined): Promise<void> => {
    while (next < pairs.length) {
      const pair = pairs[next++]!
      await (thread === undefined ? evaluatePair(pair, plan, total) : thread.evaluate(pair))
      if (failure !== undefined) return
      onProgress?.({ done: ++done, total: pairs.length, name: pair.name })
    }
  }
  const onAbort = () => stop(signal?.reason)
  signal?.addEventListener('abort', onAbort)
  // Two for each thread: the one's files are read while the other's are measured.
  const lanes = workers === 0 ? [undefined, undefined] : [...threads, ...threads]
  await Promise.all(lanes.map((thread) => lane(thread).catch(stop)))
  const gather = async (thread: MetricsThread) => mergeMetrics(total, await thread.metrics())
  if (failure === undefined) await Promise.all(threads.map(gather)).catch(stop)
  signal?.removeEventListener('abort', onAbort)
  await end()
  if (failure !== undefined) throw failure.error
  return total
}

function planOf({
  metrics,
  truthIds = 'labelIds',
  predictionIds = 'labelIds',
  reduceZeroLabel = false,
}: EvaluatePairsOptions): EvaluationPlan {
  expectOneOf('truthIds', truthIds, ['labelIds', 'trainIds'])
  expectOneOf('predictionIds', predictionIds, ['labelIds', 'trainIds'])
  if (truthIds !== 'labelIds' && metrics.official !== undefined)
    throw new InverseFormError('invalid-argument', 'The official evaluation cannot judge by train ids.', {
      hint: 'Pass truths of label ids (*_gtFine_labelIds.png), or leave out the metric `official`.',
    })
  if (truthIds === 'labelIds' && reduceZeroLabel)
    throw new InverseFormError('invalid-argument', 'Label ids of Cityscapes have no zero label to reduce.', {
      hint: "Pass truthIds: 'trainIds' for truths of another data set.",
    })
  return { metrics, truthIds, predictionIds, reduceZeroLabel }
}

/** @throws InverseFormError `invalid-argument` for two pairs of one name, which per-image scores could not tell apart */
function expectOwnNames(pairs: readonly PairToEvaluate[]): void {
  const byName = new Map<string, PairToEvaluate>()
  for (const pair of pairs) {
    const other = byName.get(pair.name)
    if (other !== undefined)
      throw new InverseFormError(
        'invalid-argument',
        `Two pairs have the name ${pair.name}: ${other.prediction} and ${pair.prediction}.`,
        {
          hint: 'Give each pair a name of its own, such as its path below the data set, or leave out the metric `perImage`.',
          details: { name: pair.name, predictions: [other.prediction, pair.prediction] },
        },
      )
    byName.set(pair.name, pair)
  }
}
