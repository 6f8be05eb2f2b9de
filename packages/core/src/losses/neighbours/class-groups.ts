import type { TensorOps } from '../../ops.js'
import { checkChoice } from '../../options.js'
import type { IgnoreOptions, Labelled } from './labelled.js'

export interface ClassOptions extends IgnoreOptions {
  /** Which classes the mean is over: `all`, or those `present` among the labels. */
  readonly classes?: 'all' | 'present'
  /** Judge each image on its own and take the mean, instead of the batch as one image. Default false. */
  readonly perImage?: boolean
}

/** How region losses reduce: sums over the pixels of a group (an image, or the batch), then means over its classes. */
export interface ClassGroups<T> {
  /** [images, classes, pixels] → [groups, classes]. */
  sum(x: T): T
  /** [groups, classes] → scalar; 0 where no class takes part. */
  mean(x: T): T
}

export function classGroups<T>(
  ops: TensorOps<T>,
  { images, classes, pixels, indices, counted }: Labelled<T>,
  { classes: selection, perImage = false }: Required<Pick<ClassOptions, 'classes'>> & ClassOptions,
): ClassGroups<T> {
  checkChoice('classes', selection, 'all', 'present')
  const groups = perImage ? images : 1
  const perGroup = perImage ? pixels : images * pixels
  const weights = new Float64Array(groups * classes).fill(selection === 'all' ? 1 : 0)
  for (let i = 0; i < indices.length; i++) {
    if (counted[i]) weights[Math.floor(i / perGroup) * classes + indices[i]!] = 1
  }
  for (let start = 0; start < weights.length; start += classes) {
    const group = weights.subarray(start, start + classes)
    const taken = group.reduce((sum, weight) => sum + weight, 0)
    for (let c = 0; c < classes; c++) group[c]! /= Math.max(taken, 1) * groups
  }
  const shape = [groups, classes]
  return {
    sum: (x) => ops.reshape(ops.sum(x, perImage ? [2] : [0, 2]), shape),
    mean: (x) => ops.sum(ops.multiply(x, ops.constant(weights, shape))),
  }
}
