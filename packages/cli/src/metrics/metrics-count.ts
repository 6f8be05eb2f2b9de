import {
  createMetrics,
  type MetricSelection,
  type Metrics,
  mergeMetrics,
  metricsFromJSON,
  metricsToJSON,
} from '@inverseform/cityscapes/node'
import type { SkippedImage } from '../on-error.js'
import { isTexts } from '../state/run-plan.js'
import type { Accumulator } from '../state/run-state.js'

/** What pairs of label maps add up to, in any order. */
export class MetricsCount implements Accumulator {
  readonly metrics: Partial<Metrics>
  /** The names of the pairs that count. */
  readonly names: string[] = []
  readonly skipped: SkippedImage[] = []

  constructor(metrics: Partial<Metrics>) {
    this.metrics = metrics
  }

  static none(selection: MetricSelection): MetricsCount {
    return new MetricsCount(createMetrics(selection))
  }

  add(names: readonly string[], metrics: Partial<Metrics>): void {
    mergeMetrics(this.metrics, metrics)
    this.names.push(...names)
  }

  /** Records a pair that counts nowhere. */
  skip(image: SkippedImage): void {
    this.skipped.push(image)
  }

  merge(other: MetricsCount): void {
    this.add(other.names, other.metrics)
    this.skipped.push(...other.skipped)
  }

  toJSON() {
    return { metrics: metricsToJSON(this.metrics), names: this.names, skipped: this.skipped }
  }

  /** @throws an error for anything but what {@link toJSON} returned for the same selection */
  static fromJSON(json: unknown, selection: MetricSelection): MetricsCount {
    const { metrics, names, skipped } = json as ReturnType<MetricsCount['toJSON']>
    const texts = [...names, ...skipped.flatMap(({ name, code, error }) => [name, code, error])]
    if (!isTexts(texts)) throw new Error('It has no names.')
    const read = MetricsCount.none(selection)
    read.add(names, metricsFromJSON(metrics))
    for (const { name, code, error } of skipped) read.skip({ name, code, error })
    return read
  }
}
