import { availableParallelism } from 'node:os'
import {
  checkArgument,
  checkFunction,
  checkInteger,
  checkOneOf,
  InverseFormError,
  type InverseFormErrorCode,
  isInverseFormError,
} from '@inverseform/errors'
import { defaultMaxPixels } from '@inverseform/shared/node'
import { type IdMap, labelMapping } from '../../label-mapping.js'
import type { EvaluationPlan, PairToEvaluate, PixelIds } from './evaluate-pair.js'
import { createMetrics, type MetricSelection, type Metrics, mergeMetrics } from './metric-set.js'
import { MetricsThread } from './metrics-thread.js'
import { type Counted, PairCounter, type PairSeconds } from './pair-counter.js'

export interface EvaluatePairsOptions<Selection extends MetricSelection = MetricSelection> {
  /** The metrics to compute, each with the options of its class; `{}` for the defaults. */
  readonly metrics: Selection
  /** Ids in the targets. Defaults to `labelIds`, which the official evaluation needs. */
  readonly targetIds?: PixelIds
  /** Ids in the predictions. Defaults to `labelIds`. */
  readonly predictionIds?: PixelIds
  /** Whether 0 in the targets is void and 1 is the first class, as in ADE20K. Defaults to false. */
  readonly reduceZeroLabel?: boolean
  /** Number of threads; 0 uses the caller's thread. Defaults to one per core, at most one per pair. */
  readonly workers?: number
  /**
   * New ids of some ids in the files, targets and predictions alike; all others stay. It comes before everything else:
   * with { 255: 1 }, masks of 0 and 255 hold the classes 0 and 1.
   */
  readonly idMap?: IdMap
  /**
   * Most pixels that a label map may have. Defaults to what the memory allows with this number of threads, at most
   * 2^26.
   */
  readonly maxPixels?: number
  /** Called after each pair, in any order. */
  readonly onProgress?: (progress: EvaluationProgress) => void
  /**
   * Called with a pair that cannot be read or scored, which then counts nowhere; the others go on. Without this option, the
   * first such pair ends the evaluation.
   */
  readonly onFailure?: (pair: PairToEvaluate, error: InverseFormError) => void
  /**
   * Called about every second, and before the evaluation ends or fails, with what was counted since the last call. The next
   * call waits for the last one. An error ends the evaluation.
   */
  readonly onCounted?: (counted: CountedPairs<Selection>) => Promise<void>
  readonly signal?: AbortSignal
}

/** Some pairs, in any order, and the metrics of these pairs alone. */
export interface CountedPairs<Selection extends MetricSelection = MetricSelection> {
  readonly pairs: readonly PairToEvaluate[]
  readonly metrics: Metrics<Selection>
}

export interface EvaluationProgress {
  /** Number of pairs evaluated so far. */
  readonly done: number
  /** Number of all pairs. */
  readonly total: number
  /** Name of the pair evaluated last. */
  readonly name: string
  /** Seconds to read and to score it; undefined for a pair that failed. */
  readonly seconds?: { readonly decode: number; readonly score: number } | undefined
}

/** Memory that a pair takes at most, without and with metrics of boundaries. */
const BYTES_PER_PIXEL = { areas: 12, boundaries: 32 }

/**
 * Evaluates the predictions of a data set from files, on all cores, with a few images in memory at a time. Metrics
 * merge exactly, so their values do not depend on the number of threads.
 *
 * @param pairs as returned by `matchPairs` and `matchByStem`; `perImage` needs unique names
 * @returns the selected metrics by name
 * @throws InverseFormError `invalid-argument` for invalid options; `not-found`, `unreadable`, `limit-exceeded`
 *   for a file that cannot be read; `size-mismatch` for two maps of different sizes; `invalid-dataset` for an invalid
 *   id, naming files and pixel; `out-of-memory` and `runtime-unavailable` when a thread ends unexpectedly. Rejects with
 *   the signal's reason when aborted. No thread outlives the call.
 */
export async function evaluatePairs<const Selection extends MetricSelection>(
  pairs: readonly PairToEvaluate[],
  options: EvaluatePairsOptions<Selection>,
): Promise<Metrics<Selection>> {
  checkArgument('pairs', pairs, Array.isArray(pairs), 'an array of pairs')
  checkArgument(
    'options',
    options,
    typeof options === 'object' && options !== null,
    'an object with `metrics`',
  )
  const total = createMetrics(options.metrics)
  const { workers = availableParallelism(), signal, onProgress, onFailure, onCounted } = options
  if (onProgress !== undefined) checkFunction('onProgress', onProgress)
  if (onFailure !== undefined) checkFunction('onFailure', onFailure)
  if (onCounted !== undefined) checkFunction('onCounted', onCounted)
  checkInteger(
    'workers',
    workers,
    { min: 0 },
    { hint: "Pass the number of threads, or 0 to use the caller's thread." },
  )
  // Two lanes per thread: one reads files while the other measures.
  const most = Math.max(1, Math.min(2 * Math.max(1, workers), pairs.length))
  const {
    maxPixels = defaultMaxPixels(most * BYTES_PER_PIXEL[hasBoundaries(total) ? 'boundaries' : 'areas']),
  } = options
  checkInteger('maxPixels', maxPixels, { min: 1 })
  const plan: EvaluationPlan = { ...planOf(options), maxPixels, skips: onFailure !== undefined }
  if (total.perImage !== undefined) checkUniqueNames(pairs)
  signal?.throwIfAborted()
  const threads = Array.from({ length: Math.min(workers, pairs.length) }, () => new MetricsThread(plan))
  const counters: Counter[] = workers === 0 ? [new PairCounter(plan)] : threads
  const end = () => Promise.all(threads.map((thread) => thread.end()))
  let next = 0
  let done = 0
  let failure: { readonly error: unknown } | undefined
  const stop = (error: unknown): void => {
    failure ??= { error }
    next = pairs.length
    // With `onCounted`, the pairs that are being evaluated still count.
    if (onCounted === undefined) end()
  }

  let handed: Promise<void> = Promise.resolve()
  /** Adds what a thread has counted to the total, one thread after another. */
  const gather = async (counter: Counter): Promise<void> => {
    const counted = await counter.take()
    handed = handed.then(async () => {
      mergeMetrics(total, counted.metrics)
      const metrics = counted.metrics as Metrics<Selection>
      if (counted.pairs.length > 0) await onCounted?.({ pairs: counted.pairs.map((i) => pairs[i]), metrics })
    })
    await handed
  }
  const isSkipped = (pair: PairToEvaluate, error: unknown): boolean => {
    const skipped = onFailure !== undefined && isInverseFormError(error) && skippable.includes(error.code)
    if (skipped) onFailure(pair, error)
    return skipped
  }
  /** Evaluates pairs one after another; several lanes run at once. */
  const lane = async (counter: Counter, gathered: { at: number; pairs: number }): Promise<void> => {
    while (next < pairs.length) {
      const number = next++
      const pair = pairs[number]
      const seconds = await counter.evaluate(pair, number).catch((error) => {
        if (!isSkipped(pair, error)) throw error
        return undefined
      })
      if (failure !== undefined) return
      onProgress?.({ done: ++done, total: pairs.length, name: pair.name, seconds })
      const isDue = ++gathered.pairs >= MOST_COUNTED || performance.now() - gathered.at >= INTERVAL
      if (onCounted === undefined || !isDue) continue
      Object.assign(gathered, { at: performance.now(), pairs: 0 })
      await gather(counter)
    }
  }
  const onAbort = () => stop(signal?.reason)
  signal?.addEventListener('abort', onAbort)
  const lanes = counters.flatMap((counter) => {
    const gathered = { at: Number.NEGATIVE_INFINITY, pairs: 0 }
    return [lane(counter, gathered), lane(counter, gathered)]
  })
  await Promise.all(lanes.map((work) => work.catch(stop)))
  if (failure === undefined) await Promise.all(counters.map(gather)).catch(stop)
  else if (onCounted !== undefined) await Promise.allSettled(counters.map(gather))
  signal?.removeEventListener('abort', onAbort)
  await end()
  if (failure !== undefined) throw failure.error
  return total
}

/** A thread that counts pairs, or this one. */
interface Counter {
  evaluate(pair: PairToEvaluate, number: number): Promise<PairSeconds>
  take(): Counted | Promise<Counted>
}

/** Errors that other pairs need not have. */
const skippable: readonly InverseFormErrorCode[] = [
  'not-found',
  'unreadable',
  'invalid-dataset',
  'limit-exceeded',
  'size-mismatch',
]

/** The most pairs that a thread counts between two calls of `onCounted`, and the milliseconds. */
const [MOST_COUNTED, INTERVAL] = [128, 1000]

const hasBoundaries = ({ boundaryF, boundaryIou, trimap, surface }: Partial<Metrics>): boolean =>
  [boundaryF, boundaryIou, trimap, surface].some((metric) => metric !== undefined)

function planOf({
  metrics,
  targetIds = 'labelIds',
  predictionIds = 'labelIds',
  reduceZeroLabel = false,
  idMap,
}: EvaluatePairsOptions): Omit<EvaluationPlan, 'maxPixels'> {
  checkOneOf('targetIds', targetIds, ['labelIds', 'trainIds'])
  checkOneOf('predictionIds', predictionIds, ['labelIds', 'trainIds'])
  if (targetIds !== 'labelIds' && metrics.official !== undefined) {
    throw new InverseFormError(
      'invalid-argument',
      'The metric `official` needs targets of label ids, got train ids.',
      {
        hint: 'Pass targets of label ids (*_gtFine_labelIds.png), or omit the metric `official`.',
      },
    )
  }
  if (targetIds === 'labelIds' && reduceZeroLabel) {
    throw new InverseFormError(
      'invalid-argument',
      '`reduceZeroLabel` needs targets of train ids, got label ids.',
      {
        hint: "Pass targetIds: 'trainIds' for targets of another data set.",
      },
    )
  }
  if (idMap !== undefined) labelMapping(idMap)
  return { metrics, targetIds, predictionIds, reduceZeroLabel, idMap }
}

/** @throws InverseFormError `invalid-argument` for two pairs of the same name, which per-image scores cannot tell apart */
function checkUniqueNames(pairs: readonly PairToEvaluate[]): void {
  const byName = new Map<string, PairToEvaluate>()
  for (const pair of pairs) {
    const other = byName.get(pair.name)
    if (other !== undefined) {
      throw new InverseFormError(
        'invalid-argument',
        `Two pairs have the name ${pair.name}: ${other.prediction} and ${pair.prediction}.`,
        {
          hint: 'Give each pair a unique name, such as its path within the data set, or omit the metric `perImage`.',
          details: { name: pair.name, predictions: [other.prediction, pair.prediction] },
        },
      )
    }
    byName.set(pair.name, pair)
  }
}
