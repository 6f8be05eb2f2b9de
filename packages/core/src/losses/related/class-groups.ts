import { checkBoolean, checkOneOf } from '@inverseform/errors'
import { sum } from '@inverseform/shared'
import type { TensorOps } from '../../ops.js'
import type { IgnoreOptions } from '../inputs.js'
import type { PixelData } from './pixel-data.js'

export interface ClassMeanOptions extends IgnoreOptions {
  /** The classes of the mean: `all`, or those `present` in the target. */
  readonly classes?: 'all' | 'present'
  /** Computes the loss of each image and averages them, instead of treating the batch as one image. Default false. */
  readonly perImage?: boolean
}

/** The reductions of region losses: sums over the pixels of a group (an image or the batch), then means over its classes. */
export interface ClassGroups<T> {
  /** [images, classes, pixels] → [groups, classes]. */
  sum(x: T): T
  /** [groups, classes] → scalar; 0 where no class takes part. */
  mean(x: T): T
}

export function classGroups<T>(
  ops: TensorOps<T>,
  { images, numClasses, pixels, indices, valid }: PixelData<T>,
  { classes, perImage = false }: Required<Pick<ClassMeanOptions, 'classes'>> & ClassMeanOptions,
): ClassGroups<T> {
  checkOneOf('classes', classes, ['all', 'present'])
  checkBoolean('perImage', perImage)
  const groups = perImage ? images : 1
  const pixelsPerGroup = perImage ? pixels : images * pixels
  const weights = new Float64Array(groups * numClasses).fill(classes === 'all' ? 1 : 0)
  for (let i = 0; i < indices.length; i++) {
    if (valid[i]) weights[Math.floor(i / pixelsPerGroup) * numClasses + indices[i]] = 1
  }
  for (let start = 0; start < weights.length; start += numClasses) {
    const group = weights.subarray(start, start + numClasses)
    const present = sum(group)
    for (let c = 0; c < numClasses; c++) group[c] /= Math.max(present, 1) * groups
  }
  const shape = [groups, numClasses]
  return {
    sum: (x) => ops.reshape(ops.sum(x, perImage ? [2] : [0, 2]), shape),
    mean: (x) => ops.sum(ops.multiply(x, ops.constant(weights, shape))),
  }
}
