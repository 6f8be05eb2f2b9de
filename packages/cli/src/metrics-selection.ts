import type { BoundaryIouOptions, ClassOptions } from '@inverseform/cityscapes'
import type { MetricSelection } from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'

/** Tools whose figures are printed under their own names, for any data set; `plain` prints ours. */
export const presetNames = ['plain', 'mmseg', 'huggingface'] as const
export type PresetName = (typeof presetNames)[number]

/** The flags that say what to measure. */
export interface SelectionFlags {
  readonly preset?: PresetName
  readonly classes?: number
  readonly ignoreIndex?: number | 'none'
  readonly reduceZeroLabel?: boolean
  readonly instances: boolean
  readonly boundary?: boolean
  readonly surface?: boolean
  readonly bootstrap?: number | true
  readonly out?: string
}

/** Boundary IoU's two widths: the paper's own, and the one it takes for Cityscapes. Boundary F's are Gated-SCNN's. */
const ratios: BoundaryIouOptions['ratios'] = [0.02, 0.005]

/** The metrics to gather; none that nobody will see, since each takes its time. */
export function selectedMetrics(flags: SelectionFlags): MetricSelection {
  const classes = classOptions(flags)
  const byImage = flags.out !== undefined || flags.bootstrap !== undefined
  return {
    ...(flags.preset === undefined && { official: { instances: flags.instances } }),
    ...((flags.preset !== undefined || byImage) && { confusion: classes }),
    ...(byImage && { perImage: classes }),
    ...(flags.boundary && {
      boundaryF: classes,
      boundaryIou: { ...classes, ratios },
      trimap: classes,
    }),
    ...(flags.surface && { surface: classes }),
  }
}

/** Left out where the metrics' own defaults, Cityscapes', are meant. */
function classOptions({ preset, classes, ignoreIndex, reduceZeroLabel }: SelectionFlags): ClassOptions {
  if (preset === undefined) {
    if (classes === undefined && ignoreIndex === undefined && !reduceZeroLabel) return {}
    throw new InverseFormError('invalid-argument', "The classes of Cityscapes' label ids cannot be chosen.", {
      hint: `Name with --preset how another data set is to be measured: ${presetNames.join(', ')}.`,
    })
  }
  if (classes === undefined)
    throw new InverseFormError('invalid-argument', `--preset ${preset} was given without --classes.`, {
      hint: 'Give the number of classes of the data set, such as --classes 150 for ADE20K.',
    })
  if (ignoreIndex === undefined) return { classes }
  return { classes, ignoreIndex: ignoreIndex === 'none' ? null : ignoreIndex }
}

/** @throws InverseFormError `invalid-argument` for a flag that would do nothing without another one */
export function refuseIdleFlags(flags: {
  readonly preset?: PresetName
  readonly gtSuffix?: string
  readonly predSuffix?: string
  readonly out?: string
  readonly worst?: number
}): void {
  const needs = [
    ['--gt-suffix', flags.gtSuffix, '--preset', flags.preset],
    ['--pred-suffix', flags.predSuffix, '--preset', flags.preset],
    ['--worst', flags.worst, '--out', flags.out],
  ] as const
  for (const [flag, value, needed, given] of needs)
    if (value !== undefined && given === undefined)
      throw new InverseFormError('invalid-argument', `${flag} has no meaning without ${needed}.`, {
        hint: `Leave out ${flag}, or give ${needed} too.`,
      })
}
