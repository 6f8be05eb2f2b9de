import { type BoundaryIouOptions, IGNORE, type MetricOptions } from '@inverseform/cityscapes'
import type { MetricSelection, PixelIds } from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'

/** How to name the scores of any data set: as a tool does, or `plain` as `eval` does. */
export const presetNames = ['plain', 'mmseg', 'huggingface'] as const
export type PresetName = (typeof presetNames)[number]

/** The flags that select metrics. */
export interface SelectionFlags {
  readonly preset?: PresetName
  readonly numClasses?: number
  readonly ignoreIndex?: number | 'none'
  readonly reduceZeroLabel?: boolean
  readonly ids?: PixelIds
  readonly instances: boolean
  readonly boundary?: boolean
  readonly surface?: boolean
  readonly bootstrap?: number | true
  readonly out?: string
}

/** The ids in the label files. */
export interface IdKinds {
  readonly targetIds: PixelIds
  readonly predictionIds: PixelIds
  readonly reduceZeroLabel?: boolean
}

/** The widths of Boundary IoU: the paper's default, and the one that the paper uses for Cityscapes. */
const ratios: BoundaryIouOptions['ratios'] = [0.02, 0.005]

/** Selects the metrics that will be shown; each one takes time. */
export function selectedMetrics(flags: SelectionFlags): MetricSelection {
  const options = metricOptions(flags)
  const counts = { ...options, ...voidOptions(flags) }
  const byImage = flags.out !== undefined || flags.bootstrap !== undefined
  return {
    ...(flags.preset === undefined && { official: { instances: flags.instances } }),
    ...((flags.preset !== undefined || byImage) && { confusion: counts }),
    ...(byImage && { perImage: counts }),
    ...(flags.boundary && {
      // The tolerances of boundary F default to Gated-SCNN's.
      boundaryF: options,
      boundaryIou: { ...options, ratios },
      trimap: options,
    }),
    ...(flags.surface && { surface: options }),
  }
}

/** Returns the ids in the label files. With a preset, both hold the class ids of their data set. */
export function idsOf({ preset, ids = 'labelIds', reduceZeroLabel }: SelectionFlags): IdKinds {
  if (preset === undefined) return { targetIds: 'labelIds', predictionIds: ids }
  return { targetIds: 'trainIds', predictionIds: 'trainIds', reduceZeroLabel }
}

/** Returns the class options; empty for the metrics' own defaults, which are Cityscapes'. */
function metricOptions({ preset, numClasses, ignoreIndex }: SelectionFlags): MetricOptions {
  if (preset === undefined) return {}
  if (ignoreIndex === undefined) return { numClasses }
  return { numClasses, ignoreIndex: ignoreIndex === 'none' ? null : ignoreIndex }
}

/**
 * Returns how to count void, 255 after `--reduce-zero-label`, where the ignore index is another id: as the preset's tool does,
 * where what is predicted there is wrong.
 * @throws InverseFormError `invalid-argument` with metrics of boundaries, which no tool has for such targets
 */
function voidOptions({ preset, ignoreIndex = IGNORE, reduceZeroLabel, boundary, surface }: SelectionFlags) {
  if (!reduceZeroLabel || ignoreIndex === IGNORE || preset === undefined || preset === 'plain') return {}
  if (!boundary && !surface) return { voidIndex: IGNORE }
  throw new InverseFormError(
    'invalid-argument',
    `--${boundary ? 'boundary' : 'surface'} needs --ignore-index 255 with --reduce-zero-label.`,
    { hint: 'Omit one of the flags: boundaries of areas without a class are not measured.' },
  )
}
