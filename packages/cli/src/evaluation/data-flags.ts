import { reduceZeroLabel } from '@inverseform/cityscapes'
import { type Dataset, openDataset } from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import type { Command } from 'commander'
import { classNamesHelp, type NamedClasses } from '../options/class-names.js'
import { parseIgnoreIndex } from '../options/parse.js'
import { openPlainFolders } from './plain-samples.js'

/** The flags of `eval` that say what is evaluated: a data set in the layout of Cityscapes, or plain folders. */
export interface DataFlags {
  readonly data?: string
  readonly split: string
  readonly coarse?: boolean
  readonly ids?: string
  readonly images?: string
  readonly gt?: string
  readonly imageSuffix?: string
  readonly gtSuffix?: string
  readonly classNames?: string
  readonly ignoreIndex?: number | 'none'
  readonly reduceZeroLabel?: boolean
}

export function addDataOptions(command: Command): Command {
  return command
    .option('--data <folder>', 'read this data set (default: the environment variable CITYSCAPES_DATASET)')
    .option('--split <name>', 'evaluate this split: train, val or test', 'val')
    .option('--coarse', 'score against the annotations of gtCoarse instead of gtFine')
    .option(
      '--ids <kind>',
      'outputs of the network: trainIds, labelIds, or a JSON file with the train id of each (default: by their number)',
    )
    .option('--images <folder>', 'evaluate on these images instead of a data set in the layout of Cityscapes')
    .option('--gt <folder>', 'with --images: the folder of their label maps, PNGs of class ids')
    .option('--image-suffix <text>', 'with --images: end of the names of the images (default: any extension)')
    .option('--gt-suffix <text>', 'with --images: end of the names of the label maps (default: .png)')
    .option('--class-names <file>', `with --images: names of the classes: ${classNamesHelp}`)
    .option(
      '--ignore-index <id>',
      'with --images: ignore pixels with this id in the label maps, or none (default: 255)',
      parseIgnoreIndex,
    )
    .option(
      '--reduce-zero-label',
      'with --images: ignore id 0 in the label maps, and make id 1 the first class',
    )
}

/** Whether plain folders are evaluated. */
export const isPlain = ({ images }: Pick<DataFlags, 'images'>): boolean => images !== undefined

/** Finds the images and label maps that the flags say. */
export function openSamples(flags: DataFlags, out: string | undefined): Promise<Dataset> {
  const { data, split, coarse, images, gt, imageSuffix, gtSuffix } = flags
  if (images === undefined || gt === undefined) {
    return openDataset({ data, split, type: coarse ? 'gtCoarse' : undefined })
  }
  return openPlainFolders({ images, gt, imageSuffix, gtSuffix, out })
}

/** Returns how plain folders are scored. */
export function plainOptions(
  { ignoreIndex, reduceZeroLabel: reduce }: Pick<DataFlags, 'ignoreIndex' | 'reduceZeroLabel'>,
  named: NamedClasses | undefined,
) {
  const toTarget = reduce ? (ids: Uint8Array) => reduceZeroLabel(ids) as Uint8Array : undefined
  return {
    ignoreIndex: ignoreIndex === 'none' ? null : (ignoreIndex ?? named?.table?.ignoreIndex),
    toTarget,
    numClasses: named?.names.length,
  }
}

/** @throws InverseFormError `invalid-argument` for flags of plain folders without both folders, or with a data set */
export function checkDataFlags(flags: DataFlags & { readonly loss?: boolean }): void {
  const { images, gt, data, ids, loss } = flags
  const needsImages = [
    ['--gt', gt],
    ['--image-suffix', flags.imageSuffix],
    ['--gt-suffix', flags.gtSuffix],
    ['--class-names', flags.classNames],
    ['--ignore-index', flags.ignoreIndex],
    ['--reduce-zero-label', flags.reduceZeroLabel],
  ] as const
  const needsCityscapes = [
    ['--data', data],
    ['--coarse', flags.coarse],
    ['--ids', ids],
    ['--loss', loss],
  ] as const
  const wrong = (images === undefined ? needsImages : needsCityscapes).find(
    ([, value]) => value !== undefined,
  )
  if (wrong !== undefined) {
    const message =
      images === undefined ? `${wrong[0]} needs --images.` : `${wrong[0]} cannot be used with --images.`
    throw new InverseFormError('invalid-argument', message, {
      hint: 'Pass --images and --gt for plain folders, or --data for a data set in the layout of Cityscapes.',
    })
  }
  if (images !== undefined && gt === undefined) {
    throw new InverseFormError('invalid-argument', '--images needs --gt.', {
      hint: 'Pass --gt with the folder of the label maps, or segment without scores: inverseform predict.',
    })
  }
}
