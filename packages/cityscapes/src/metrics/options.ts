import { checkArgument, checkInteger } from '@inverseform/errors'
import { IGNORE } from '../labels.js'

/** The ids that are classes, and the id of pixels that are not counted. */
export interface MetricOptions {
  /** Number of classes n, 1..4096: the ids 0..n-1. Default 19, the train ids of Cityscapes. */
  readonly numClasses?: number
  /**
   * Target id of pixels that are not counted; null counts all pixels. Default 255. A counted pixel whose prediction is
   * this id is a miss of its class and no other class's false positive, unless the id is itself one of 0..n-1.
   */
  readonly ignoreIndex?: number | null
}

export type ResolvedMetricOptions = Readonly<Required<MetricOptions>>

/**
 * Checks the options that all metrics share and fills in their defaults.
 * @throws InverseFormError `invalid-argument`
 */
export function resolveMetricOptions({
  numClasses = 19,
  ignoreIndex = IGNORE,
}: MetricOptions): ResolvedMetricOptions {
  checkInteger('numClasses', numClasses, { min: 1, max: 4096 })
  checkArgument(
    'ignoreIndex',
    ignoreIndex,
    ignoreIndex === null || Number.isInteger(ignoreIndex),
    'an integer or null',
    { hint: 'Pass the target id of pixels that are not counted, such as 255, or null to count all pixels.' },
  )
  return { numClasses, ignoreIndex }
}
