import { countPair, type EvaluationPlan, type PairToEvaluate, readPair } from './evaluate-pair.js'
import { createMetrics, type Metrics, mergeMetrics } from './metric-set.js'

/** Seconds that a pair took. Reading waits while its thread scores another pair. */
export interface PairSeconds {
  readonly decode: number
  readonly score: number
}

/** What was counted since the last time. */
export interface Counted {
  /** The numbers of the pairs. */
  readonly pairs: readonly number[]
  readonly metrics: Partial<Metrics>
}

/** Counts pairs. It may read the files of one while it counts another. */
export class PairCounter {
  readonly #plan: EvaluationPlan
  #metrics: Metrics
  #pairs: number[] = []
  #isSpoiled = false

  constructor(plan: EvaluationPlan) {
    this.#plan = plan
    this.#metrics = createMetrics(plan.metrics)
  }

  /**
   * Reads and counts a pair, and returns how long that took. After an error it counts nowhere; without `skips` in the plan, the others may be lost with it.
   * @throws InverseFormError as `readPair` and `countPair`
   */
  async evaluate(pair: PairToEvaluate, number: number): Promise<PairSeconds> {
    const started = performance.now()
    const read = await readPair(pair, this.#plan)
    const decoded = performance.now()
    if (this.#plan.skips) {
      const own = createMetrics(this.#plan.metrics)
      countPair(read, this.#plan, own)
      mergeMetrics(this.#metrics, own)
    } else {
      this.#isSpoiled = true
      countPair(read, this.#plan, this.#metrics)
      this.#isSpoiled = false
    }
    this.#pairs.push(number)
    return { decode: (decoded - started) / 1000, score: (performance.now() - decoded) / 1000 }
  }

  /** Returns what was counted since the last call. */
  take(): Counted {
    const pairs = this.#isSpoiled ? [] : this.#pairs
    const metrics = this.#isSpoiled ? createMetrics(this.#plan.metrics) : this.#metrics
    this.#pairs = []
    this.#metrics = createMetrics(this.#plan.metrics)
    this.#isSpoiled = false
    return { pairs, metrics }
  }
}
