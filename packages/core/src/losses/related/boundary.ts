import { checkInteger, checkLength } from '@inverseform/errors'
import { softmax } from '../../math.js'
import type { TensorOps } from '../../ops.js'
import { shapeText } from '../../shape.js'
import {
  checkIgnoreIndex,
  checkTarget,
  type IgnoreOptions,
  type IntegerArray,
  type SegmentationLossInputs,
} from '../inputs.js'
import { classDistances } from './class-distances.js'
import { pixelData } from './pixel-data.js'

export interface SignedDistanceSize {
  readonly images: number
  readonly numClasses: number
  readonly height: number
  readonly width: number
}

export interface BoundaryLossInputs<T> extends SegmentationLossInputs<T> {
  /** {@link signedDistanceMaps} of the target, if they were computed before, such as in the data loader. */
  readonly distances?: ArrayLike<number>
}

/**
 * Computes the signed distance of each pixel to the boundary of each class, in pixels. Outside the class it is the distance d
 * to its nearest pixel. Inside it is `1 - d`, with d the distance to the nearest pixel of another class, so the rim is at 0.
 * Ignored pixels are on neither side and get 0, and so do classes without a boundary in their image.
 *
 * Source: `one_hot2dist` of the boundary loss's code (Kervadec et al., MIDL 2019).
 *
 * @param target 0..numClasses-1 or `ignoreIndex`, images x height x width
 * @returns [images, classes, height, width] in C order
 * @throws InverseFormError `size-mismatch` when the target does not have the given size; `invalid-argument` for a target value
 *   that is not a class, or sizes that are not positive integers
 */
export function signedDistanceMaps(
  target: IntegerArray,
  { images, numClasses, height, width }: SignedDistanceSize,
  { ignoreIndex = 255 }: IgnoreOptions = {},
): Float64Array {
  for (const [name, size] of Object.entries({ images, numClasses, height, width })) {
    checkInteger(name, size, { min: 1 })
  }
  checkIgnoreIndex(ignoreIndex)
  const size = { images, channels: numClasses, height, width }
  checkTarget('target', target, size)
  return classDistances(target, size, ignoreIndex, (distance, inside) => (inside ? 1 - distance : distance))
}

/**
 * Boundary loss: the mean over classes and valid pixels of the softmax times the {@link signedDistanceMaps}. The minimum is
 * negative and is reached when every pixel is assigned to its class. Combine it with a region loss, with a growing weight (0.01
 * and up in the paper). Without a boundary or valid pixels it is 0.
 *
 * Source: Kervadec et al., MIDL 2019 (`SurfaceLoss` of its code, over all classes).
 *
 * @returns a scalar, in pixels
 * @throws InverseFormError `size-mismatch` when the sizes of the inputs differ; `invalid-argument` for a target value that is not
 *   a class
 */
export function boundaryLoss<T>(
  ops: TensorOps<T>,
  inputs: BoundaryLossInputs<T>,
  options: IgnoreOptions = {},
): T {
  const data = pixelData(ops, inputs, options.ignoreIndex)
  const { images, numClasses, pixels, numValid, height, width } = data
  const distances = inputs.distances ?? signedDistanceMaps(inputs.target, data, options)
  checkLength(
    'distances',
    distances.length,
    images * numClasses * pixels,
    `one for each of the logits ${shapeText([images, numClasses, height, width])}`,
    { hint: 'Pass signedDistanceMaps of the same target.' },
  )
  const p = ops.multiply(softmax(ops, data.logits), data.mask)
  const products = ops.multiply(p, ops.constant(distances, [images, numClasses, pixels]))
  return ops.divide(ops.sum(products), Math.max(numValid, 1) * numClasses)
}
