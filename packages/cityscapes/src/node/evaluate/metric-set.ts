import { InverseFormError } from '@inverseform/errors'
import { BoundaryF } from '../../metrics/boundary/boundary-f.js'
import { BoundaryIou } from '../../metrics/boundary/boundary-iou.js'
import { SurfaceDistances } from '../../metrics/boundary/surface-distances.js'
import { TrimapIou } from '../../metrics/boundary/trimap-iou.js'
import { ConfusionMatrix } from '../../metrics/confusion.js'
import type { NamedImage } from '../../metrics/image-scores.js'
import type { Metric } from '../../metrics/metric.js'
import { PixelLevelEvaluation } from '../../metrics/official/pixel-level.js'
import { PerImageScores } from '../../metrics/per-image.js'

const kinds = {
  official: PixelLevelEvaluation,
  confusion: ConfusionMatrix,
  perImage: PerImageScores,
  boundaryF: BoundaryF,
  boundaryIou: BoundaryIou,
  trimap: TrimapIou,
  surface: SurfaceDistances,
} as const

type Kinds = typeof kinds
export type MetricName = keyof Kinds

/** The metrics to compute, each with the options of its class; `{}` for the defaults. */
export type MetricSelection = { readonly [Name in MetricName]?: ConstructorParameters<Kinds[Name]>[0] }

/** The selected metrics. `JSON.stringify` writes their states. */
export type Metrics<Selection = MetricSelection> = {
  readonly [Name in keyof Selection & MetricName]: InstanceType<Kinds[Name]>
}

/** The interface that all metrics share. */
type AnyMetric = Metric<NamedImage, unknown, unknown>

/** @throws InverseFormError `invalid-argument` without metrics, for an unknown metric or invalid options */
export function createMetrics<Selection extends MetricSelection>(selection: Selection): Metrics<Selection> {
  const names = Object.keys(selection ?? {}).filter((name) => selection[name as MetricName] !== undefined)
  const unknown = names.find((name) => !Object.hasOwn(kinds, name))
  if (names.length === 0 || unknown !== undefined) {
    throw new InverseFormError(
      'invalid-argument',
      unknown === undefined
        ? 'No metrics were selected.'
        : `The metric ${JSON.stringify(unknown)} does not exist.`,
      { hint: `Select some of ${Object.keys(kinds).join(', ')}, such as { confusion: {} }.` },
    )
  }
  return each(selection, (Kind, options) => new Kind(options as object))
}

/**
 * Returns the states that {@link metricsFromJSON} accepts; they can be sent to another thread. Unlike those of
 * `JSON.stringify`, they hold the number of ignored pixels, which a warning needs.
 */
export function metricsToJSON(metrics: Partial<Metrics>): Record<string, unknown> {
  const states = Object.entries(metrics).map(([name, metric]) => [name, metric.toJSON()])
  const { confusion } = metrics
  if (confusion === undefined || Number.isNaN(confusion.ignored)) return Object.fromEntries(states)
  return { ...Object.fromEntries(states), confusion: { ...confusion.toJSON(), ignored: confusion.ignored } }
}

/**
 * Restores metrics from their states.
 * @param json what {@link metricsToJSON} returns, or parsed output of `JSON.stringify` for {@link Metrics}
 * @throws InverseFormError `unreadable` for anything else
 */
export function metricsFromJSON(json: unknown): Partial<Metrics> {
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json)
  const unknown = isObject ? Object.keys(json).find((name) => !Object.hasOwn(kinds, name)) : undefined
  if (!isObject || unknown !== undefined || Object.keys(json).length === 0) {
    throw new InverseFormError(
      'unreadable',
      `The JSON is not the state of a set of metrics: ${unknown === undefined ? 'it holds no metrics' : `the metric "${unknown}" does not exist`}.`,
      { hint: `Pass the JSON of some of the metrics ${Object.keys(kinds).join(', ')}.` },
    )
  }
  return each(json as Record<string, unknown>, (Kind, state) => Kind.fromJSON(state))
}

/**
 * Adds the counts of other metrics. The result is exact and does not depend on the order.
 * @throws InverseFormError `invalid-argument` for different metrics or options, or an image that both contain in
 *   `perImage`. Nothing is added then.
 */
export function mergeMetrics(into: Partial<Metrics>, other: Partial<Metrics>): void {
  const [ours, theirs] = [into, other].map((metrics) => Object.keys(metrics).sort().join(', '))
  if (ours !== theirs) {
    throw new InverseFormError('invalid-argument', `The metrics ${theirs} cannot be merged into ${ours}.`, {
      hint: 'Merge only results of the same metrics.',
    })
  }
  const pairs = (Object.entries(into) as [MetricName, AnyMetric][]).map(
    ([name, metric]) => [metric, other[name] as AnyMetric] as const,
  )
  for (const [metric, theirs] of pairs) metric.checkMergeable(theirs)
  for (const [metric, theirs] of pairs) metric.merge(theirs)
}

/** Maps each metric in `values` with `make`. */
function each<Values extends object>(
  values: Values,
  make: (Kind: Kinds[MetricName], value: unknown) => AnyMetric,
): Metrics<Values> {
  const made = Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, make(kinds[name as MetricName], value)])
  return Object.fromEntries(made) as Metrics<Values>
}
