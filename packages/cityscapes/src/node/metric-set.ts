import { InverseFormError } from '@inverseform/errors'
import { BoundaryF } from '../metrics/boundary/boundary-f.js'
import { BoundaryIou } from '../metrics/boundary/boundary-iou.js'
import { SurfaceDistances } from '../metrics/boundary/surface-distances.js'
import { TrimapIou } from '../metrics/boundary/trimap-iou.js'
import { ConfusionMatrix } from '../metrics/confusion.js'
import type { NamedImage } from '../metrics/image-scores.js'
import type { Metric } from '../metrics/metric.js'
import { PixelLevelEvaluation } from '../metrics/official/pixel-level.js'
import { PerImageScores } from '../metrics/per-image.js'

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

/** The metrics to gather, each with the options of its class; `{}` for its defaults. */
export type MetricSelection = { readonly [Name in MetricName]?: ConstructorParameters<Kinds[Name]>[0] }

/** What was gathered of the metrics that were selected. `JSON.stringify` writes their states. */
export type Metrics<Selection = MetricSelection> = {
  readonly [Name in keyof Selection & MetricName]: InstanceType<Kinds[Name]>
}

/** What all metrics have in common. */
type AnyMetric = Metric<NamedImage, unknown, unknown>

/** @throws InverseFormError `invalid-argument` for none, a metric that there is not, or options that one cannot have */
export function createMetrics<Selection extends MetricSelection>(selection: Selection): Metrics<Selection> {
  const names = Object.keys(selection ?? {}).filter((name) => selection[name as MetricName] !== undefined)
  const unknown = names.find((name) => !Object.hasOwn(kinds, name))
  if (names.length === 0 || unknown !== undefined)
    throw new InverseFormError(
      'invalid-argument',
      unknown === undefined ? 'No metrics were selected.' : `There is no metric ${JSON.stringify(unknown)}.`,
      { hint: `Select some of ${Object.keys(kinds).join(', ')}, such as { confusion: {} }.` },
    )
  return each(selection, (Kind, options) => new Kind(options as object))
}

/** The states that {@link metricsFromJSON} takes, as values that can be sent to another thread. */
export function statesOf(metrics: Partial<Metrics>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(metrics).map(([name, metric]) => [name, metric.toJSON()]))
}

/**
 * Makes metrics of their states.
 * @param json what `JSON.stringify` made of {@link Metrics}, parsed
 * @throws InverseFormError `unreadable` for anything else
 */
export function metricsFromJSON(json: unknown): Partial<Metrics> {
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json)
  const unknown = isObject ? Object.keys(json).find((name) => !Object.hasOwn(kinds, name)) : undefined
  if (!isObject || unknown !== undefined || Object.keys(json).length === 0)
    throw new InverseFormError(
      'unreadable',
      `Not the state of a set of metrics: ${unknown === undefined ? 'it holds none' : `there is no metric "${unknown}"`}.`,
      { hint: `Pass what was written of the metrics ${Object.keys(kinds).join(', ')}.` },
    )
  return each(json as Record<string, unknown>, (Kind, state) => Kind.fromJSON(state))
}

/**
 * Adds what other metrics have gathered, exactly, in any order.
 * @throws InverseFormError `invalid-argument` unless both are the same metrics with the same options, and for an image that
 *   both have in `perImage`. Nothing has been added then.
 */
export function mergeMetrics(into: Partial<Metrics>, other: Partial<Metrics>): void {
  const [ours, theirs] = [into, other].map((metrics) => Object.keys(metrics).sort().join(', '))
  if (ours !== theirs)
    throw new InverseFormError('invalid-argument', `The metrics ${theirs} cannot be merged into ${ours}.`, {
      hint: 'Merge only results of the same metrics.',
    })
  const pairs = (Object.entries(into) as [MetricName, AnyMetric][]).map(
    ([name, metric]) => [metric, other[name] as AnyMetric] as const,
  )
  for (const [metric, theirs] of pairs) metric.expectMergeable(theirs)
  for (const [metric, theirs] of pairs) metric.merge(theirs)
}

/** What `make` gives for each metric that `values` has. */
function each<Values extends object>(
  values: Values,
  make: (Kind: Kinds[MetricName], value: unknown) => AnyMetric,
): Metrics<Values> {
  const made = Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, make(kinds[name as MetricName], value)])
  return Object.fromEntries(made) as Metrics<Values>
}
