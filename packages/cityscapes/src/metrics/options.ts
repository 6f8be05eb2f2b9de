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

/** The options of metrics that only count classes. */
export interface CountOptions extends MetricOptions {
  /**
   * Target id that is no class although its pixels count: a class predicted there has a false positive. Null or absent
   * rejects such targets. A prediction with this id is a miss. Hugging Face and mmsegmentation count every id that is
   * neither a class nor ignored so; `presets` say when it matters. Specificities of single images are then too low.
   */
  readonly voidIndex?: number | null
}

/** Without `voidIndex` if there is none, so that states and messages do not name it. */
export type ResolvedCountOptions = ResolvedMetricOptions & { readonly voidIndex?: number }

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

/**
 * As {@link resolveMetricOptions}, with `voidIndex`.
 * @throws InverseFormError `invalid-argument`
 */
export function resolveCountOptions({ voidIndex = null, ...options }: CountOptions): ResolvedCountOptions {
  const resolved = resolveMetricOptions(options)
  if (voidIndex === null) return resolved
  const { numClasses, ignoreIndex } = resolved
  checkArgument(
    'voidIndex',
    voidIndex,
    Number.isInteger(voidIndex) && !(voidIndex >= 0 && voidIndex < numClasses) && voidIndex !== ignoreIndex,
    `null or an integer that is neither one of the classes 0..${numClasses - 1} nor the ignore index`,
  )
  return { ...resolved, voidIndex }
}
