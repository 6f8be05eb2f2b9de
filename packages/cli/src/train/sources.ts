import { InverseFormError } from '@inverseform/errors'
import type { SampleSource } from '@inverseform/training/node'
import type { Command } from 'commander'
import { readIdMap } from '../options/id-map.js'
import type { TrainFlags } from './options.js'

/** Returns where the images for training and, if there are some, for evaluation are. */
export async function sourcesOf(
  command: Command,
): Promise<{ readonly training: SampleSource; readonly validation?: SampleSource }> {
  const flags = command.opts<TrainFlags>()
  const { data, images, gt, valImages, valGt, imageSuffix, gtSuffix } = flags
  const ids = flags.mapIds === undefined ? {} : { idMap: await readIdMap(flags.mapIds) }
  const isEvaluated = flags.evaluateEvery !== 0
  if (images === undefined) {
    for (const [flag, value] of Object.entries({
      '--gt': gt,
      '--val-images': valImages,
      '--val-gt': valGt,
    })) {
      if (value !== undefined) throw missing('--images', `Pass it with ${flag}, or leave ${flag} out.`)
    }
    if (data === undefined && !process.env.CITYSCAPES_DATASET) {
      throw missing('--data', 'Pass --data, set CITYSCAPES_DATASET, or pass --images and --gt.')
    }
    const { split, valSplit, coarse } = flags
    const type = coarse ? 'gtCoarse' : undefined
    return {
      training: { data, split, type, ...ids },
      ...(isEvaluated && { validation: { data, split: valSplit, ...ids } }),
    }
  }
  for (const flag of ['data', 'split', 'val-split', 'coarse']) {
    const from = command.getOptionValueSource(flag.replace('-s', 'S'))
    if (from === undefined || from === 'default') continue
    throw new InverseFormError('invalid-argument', `--images cannot be used with --${flag}.`, {
      hint: 'Pass --images and --gt for plain folders, or --data for a data set in the layout of Cityscapes.',
    })
  }
  if (gt === undefined) throw missing('--gt', 'Pass the folder of the label maps.')
  const plain = { imageSuffix, gtSuffix, ...ids }
  const training = { images, gt, ...plain }
  if (valImages === undefined && valGt === undefined) return { training }
  if (valImages === undefined) throw missing('--val-images', 'Pass the folder of the images of --val-gt.')
  if (valGt === undefined) throw missing('--val-gt', 'Pass the folder of the label maps of --val-images.')
  return { training, ...(isEvaluated && { validation: { images: valImages, gt: valGt, ...plain } }) }
}

export const missing = (flag: string, hint: string) =>
  new InverseFormError('invalid-argument', `${flag} is missing.`, { hint })
