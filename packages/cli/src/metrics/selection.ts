import { type BoundaryIouOptions, IGNORE, type MetricOptions } from '@inverseform/cityscapes'
import type { MetricSelection, PixelIds } from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import { orList } from '@inverseform/shared'

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
function metricOptions({ preset, numClasses, ignoreIndex, reduceZeroLabel }: SelectionFlags): MetricOptions {
  if (preset === undefined) {
    if (numClasses === undefined && ignoreIndex === undefined && !reduceZeroLabel) return {}
    throw new InverseFormError(
      'invalid-argument',
      '--num-classes, --ignore-index and --reduce-zero-label need --preset.',
      { hint: `For another data set than Cityscapes, pass --preset ${orList(presetNames)}.` },
    )
  }
  if (numClasses === undefined) {
    throw new InverseFormError(
      'invalid-argument',
      `--preset ${preset} needs --num-classes or --class-names.`,
      {
        hint: 'Pass the number of classes of the data set, such as --num-classes 150 for ADE20K, or a file of their names.',
      },
    )
  }
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

/**
 * Checks that no flag depends on another one that is missing.
 * @throws InverseFormError `invalid-argument`
 */
export function checkDependentFlags(flags: {
  readonly preset?: PresetName
  readonly classNames?: string
  readonly merge?: readonly string[]
  readonly gtSuffix?: string
  readonly predSuffix?: string
  readonly out?: string
  readonly worst?: number
}): void {
  const dependencies = [
    ['--class-names', flags.merge ? undefined : flags.classNames, '--preset', flags.preset],
    ['--gt-suffix', flags.gtSuffix, '--preset', flags.preset],
    ['--pred-suffix', flags.predSuffix, '--preset', flags.preset],
    ['--worst', flags.worst, '--out', flags.out],
  ] as const
  for (const [flag, value, needed, neededValue] of dependencies) {
    if (value !== undefined && neededValue === undefined) {
      throw new InverseFormError('invalid-argument', `${flag} needs ${needed}.`, {
        hint: `Pass ${needed}, or omit ${flag}.`,
      })
    }
  }
}
