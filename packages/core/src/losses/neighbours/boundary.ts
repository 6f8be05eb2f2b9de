import type { TensorOps } from '../../ops.js'
import { shapeText, sizeMismatch } from '../../shape.js'
import { softmax } from '../functions.js'
import { checkMap, type IntegerArray, type MapSize } from '../inputs.js'
import { classDistances } from './class-distances.js'
import { type IgnoreOptions, type LabelledLogits, labelled } from './labelled.js'

export interface SignedDistanceSize {
  readonly images: number
  readonly classes: number
  readonly height: number
  readonly width: number
}

export interface BoundaryInputs<T> extends LabelledLogits<T> {
  /** {@link signedDistanceMaps} of the labels, when made beforehand: in the data loader, say. */
  readonly distances?: ArrayLike<number>
}

/**
 * Signed distance of each pixel to the boundary of each class, in pixels: outside the class the distance d to its nearest
 * pixel, inside it `1 - d` with d the distance to the nearest pixel of another class (so that the rim is at 0). Pixels that do
 * not count get 0 and are on neither side; so do classes without a boundary in their image.
 *
 * Source: `one_hot2dist` of the boundary loss's code (Kervadec et al., MIDL 2019).
 *
 * @param labels 0..classes-1 or `ignoreIndex`, images x height x width
 * @returns [images, classes, height, width] in C order
 * @throws `size-mismatch` when labels and size do not go together; `invalid-argument` for a label out of range
 */
export function signedDistanceMaps(
  labels: IntegerArray,
  { images, classes, height, width }: SignedDistanceSize,
  { ignoreIndex = 255 }: IgnoreOptions = {},
): Float64Array {
  const size: MapSize = { images, channels: classes, height, width }
  checkMap('labels', labels, size)
  return classDistances(labels, size, ignoreIndex, (distance, inside) => (inside ? 1 - distance : distance))
}

/**
 * Boundary loss: the mean over classes, and over pixels that count, of the softmax times the {@link signedDistanceMaps}.
 * It is lowest, and then negative, where every pixel is given to its class; use it beside a region loss, with a weight that
 * grows (0.01 and up in the paper). With no boundary, or no pixel that counts, it is 0.
 *
 * Source: Kervadec et al., MIDL 2019 (`SurfaceLoss` of its code, over all classes).
 *
 * @returns a scalar, in pixels
 * @throws `size-mismatch` when the inputs do not go together; `invalid-argument` for a label out of range
 */
export function boundaryLoss<T>(
  ops: TensorOps<T>,
  inputs: BoundaryInputs<T>,
  options: IgnoreOptions = {},
): T {
  const data = labelled(ops, inputs, options.ignoreIndex)
  const { images, classes, pixels, total, height, width } = data
  const distances = inputs.distances ?? signedDistanceMaps(inputs.labels, data, options)
  if (distances.length !== images * classes * pixels) {
    const shape = [images, classes, height, width]
    throw sizeMismatch(
      `distances has ${distances.length} values for logits of ${shapeText(shape)}.`,
      'Give signedDistanceMaps of the same labels.',
      { distances: distances.length, logits: shape },
    )
  }
  const p = ops.multiply(softmax(ops, data.logits), data.mask)
  const products = ops.multiply(p, ops.constant(distances, [images, classes, pixels]))
  return ops.divide(ops.sum(products), Math.max(total, 1) * classes)
}
