import { checkArgument, checkBoolean, checkInteger, checkNumber, InverseFormError } from '@inverseform/errors'
import { readAhead } from '@inverseform/shared'
import type { TrainingData } from '../batch.js'
import { type AugmentationOptions, augmentationSettings } from './augmentation.js'
import { type BatchMaker, type BatchSettings, batchMaker } from './batch-maker.js'
import { checkClasses, type DatasetClasses, joinClasses, type TargetClasses } from './class-places.js'
import type { TrainingSample } from './sample.js'
import { createSampler } from './sampler.js'

/** How batches are made of samples. */
export interface BatchOptions {
  /** Images of a batch. */
  readonly batchSize: number
  /** Height and width of the images of a batch, in pixels. */
  readonly cropSize: readonly [height: number, width: number]
  /** Number of classes: labels are 0..numClasses-1, or 255 where ignored. */
  readonly numClasses: number
  /** Batches with the same seed, samples and options are equal, byte by byte. */
  readonly seed: number
  /** Random changes of images; false for none but the crop. */
  readonly augmentation?: AugmentationOptions | false
  /** Sampling by class, which reads all targets first; false for none. */
  readonly classUniform?: ClassUniformOptions | false
  /**
   * Whether images that are smaller than the crop after scaling are padded: with the mean color, and 255 in the target.
   * Without it they are scaled to cover the crop, and an image that is smaller at first is an error. Defaults to true.
   */
  readonly padding?: boolean
  /** Called after each target that was read before the first batch. */
  readonly onScan?: (done: number, total: number) => void
}

export interface ClassUniformOptions {
  /** The part of the images of an epoch that are chosen by class, 0 to 1. Defaults to 0.5. */
  readonly fraction?: number
  /** Side of the tiles in which a place is found for each class, in pixels. Defaults to 1024. */
  readonly tile?: number
}

export interface TrainingDataOptions extends BatchOptions {
  readonly samples: readonly TrainingSample[]
}

/** Training data that knows its classes. */
export interface SampledData extends TrainingData {
  /** The classes of the data set; undefined when images are not chosen by class. */
  readonly classes?: DatasetClasses
}

/**
 * Creates batches of augmented images. See `openTrainingData` of `@inverseform/training/node` for files and threads.
 *
 * Targets are read before it returns: all of them for sampling by class, else until two classes are found.
 *
 * @throws InverseFormError `invalid-argument`; `invalid-dataset` without samples, for a label out of range, and when fewer than
 *   two classes occur; `size-mismatch` for an image smaller than the crop without padding; errors of a sample's `load`
 */
export async function createTrainingData({ samples, ...options }: TrainingDataOptions): Promise<SampledData> {
  checkArgument('samples', samples, Array.isArray(samples), 'a list of samples')
  return sampledData(batchMaker(samples, batchSettings(options)), samples.length, options)
}

/**
 * Checks options and returns what makes batches.
 * @throws InverseFormError `invalid-argument`
 */
export function batchSettings(options: BatchOptions): BatchSettings {
  const { cropSize, numClasses, seed, augmentation = {}, padding = true } = options
  checkInteger('batchSize', options.batchSize, { min: 1 })
  const isPair = Array.isArray(cropSize) && cropSize.length === 2
  checkArgument('cropSize', cropSize, isPair, 'a pair [height, width]')
  checkInteger('cropSize[0]', cropSize[0], { min: 1 })
  checkInteger('cropSize[1]', cropSize[1], { min: 1 })
  checkInteger('numClasses', numClasses, { min: 2, max: 255 })
  checkInteger('seed', seed)
  checkBoolean('padding', padding)
  return {
    crop: { height: cropSize[0], width: cropSize[1] },
    numClasses,
    seed,
    augmentation: augmentationSettings(augmentation),
    padding,
    tile: uniformSettings(options).tile,
  }
}

function uniformSettings({ classUniform = {} }: BatchOptions): Required<ClassUniformOptions> {
  const { fraction = 0.5, tile = 1024 } = classUniform === false ? { fraction: 0 } : classUniform
  checkNumber('classUniform.fraction', fraction, { min: 0, max: 1 })
  checkInteger('classUniform.tile', tile, { min: 1 })
  return { fraction, tile }
}

/**
 * Creates training data from what makes its batches.
 * @param parallel how many targets are read at once
 * @throws InverseFormError as {@link createTrainingData}
 */
export async function sampledData(
  maker: BatchMaker,
  size: number,
  options: BatchOptions,
  parallel = 2,
): Promise<SampledData> {
  if (size === 0) {
    throw new InverseFormError('invalid-dataset', 'There are no images to train on.', {
      hint: 'Pass at least one image with a target.',
    })
  }
  const { batchSize, numClasses, seed, onScan } = options
  const { fraction } = uniformSettings(options)
  const indices = Array.from({ length: size }, (_, i) => i)
  const targets: TargetClasses[] = []
  for await (const target of readAhead(indices, (i) => maker.classes(i), parallel)) {
    targets.push(target)
    onScan?.(targets.length, size)
    if (fraction === 0 && occurring(targets, numClasses) > 1) break
  }
  const classes = joinClasses(targets, numClasses)
  checkClasses(classes.pixels, size)
  const pick = createSampler({ size, seed, places: classes.places, fraction })
  return {
    size,
    classes: fraction === 0 ? undefined : classes,
    batch(step) {
      checkInteger('step', step, { min: 0 })
      return maker.batch(
        step,
        Array.from({ length: batchSize }, (_, i) => pick(step * batchSize + i)),
      )
    },
  }
}

const occurring = (targets: readonly TargetClasses[], numClasses: number): number =>
  joinClasses(targets, numClasses).pixels.filter((count) => count > 0).length
