import { checkBoolean, checkNumber, checkOneOf } from '@inverseform/errors'
import { complement, logSoftmax, ratio } from '../../math.js'
import type { TensorOps } from '../../ops.js'
import type { IgnoreOptions, IntegerArray, SegmentationLossInputs } from '../inputs.js'
import { type BoundaryDirections, boundaryDirections, directions } from './boundary-directions.js'
import { neighbor } from './neighbor-pixels.js'
import { pixelData } from './pixel-data.js'

export interface ActiveBoundaryLossOptions extends IgnoreOptions {
  /** Largest share of an image's size that the predicted boundaries of the whole batch may cover before widening. Default 0.01. */
  readonly maxBoundaryShare?: number
  /** Distance in pixels at and above which a pixel weighs 1. Default 20. */
  readonly maxDistance?: number
  /**
   * Distances to the target boundary. `whole` (default) rounds them down to whole pixels, as the published code does by storing
   * integers. `exact` also distinguishes neighbors whose distances differ by less than a pixel.
   */
  readonly distances?: 'whole' | 'exact'
  /** Label smoothing of the direction, in [0, 1]. Default 0.2. */
  readonly labelSmoothing?: number
  /** Lets gradients flow only to pixels on the predicted boundary, not to their neighbors. Default true. */
  readonly detachNeighbors?: boolean
}

/**
 * Active boundary loss: moves predicted boundaries toward the target boundaries.
 *
 * A pixel is on a predicted boundary when the KL divergence between its class distribution and those of the pixels below and to
 * the right is among the largest. The boundary is then widened by one pixel. On it, the KL divergences from the eight
 * neighbors are the logits of the direction toward the target boundary. The loss is their cross-entropy with label smoothing
 * s (1 - s for the target direction and s/8 for each other, as published), weighted by the distance d to the target boundary,
 * `min(d, maxDistance) / maxDistance`. The mean is over the predicted boundary pixels that have a direction. Ignored pixels are
 * part of the target boundary and weigh 0. Without a predicted or a target boundary the loss is 0.
 *
 * The threshold of the divergence starts at 1e-5 and grows by factors of 1.2, up to 127 times, until few enough pixels exceed it.
 *
 * Source: Wang et al., AAAI 2022, and its code (`ABL`), with the same defaults.
 *
 * @returns a scalar, at least 0, in nats
 * @throws InverseFormError `size-mismatch` when the sizes of logits and target differ; `invalid-argument` for a target value
 *   that is not a class or an invalid option
 */
export function activeBoundaryLoss<T>(
  ops: TensorOps<T>,
  inputs: SegmentationLossInputs<T>,
  options: ActiveBoundaryLossOptions = {},
): T {
  const { maxBoundaryShare = 0.01, maxDistance = 20, labelSmoothing = 0.2 } = options
  const { detachNeighbors = true, distances = 'whole', ignoreIndex = 255 } = options
  checkNumber('maxBoundaryShare', maxBoundaryShare, { min: 0, max: 1 })
  checkNumber('maxDistance', maxDistance, { above: 0 })
  checkNumber('labelSmoothing', labelSmoothing, { min: 0, max: 1 })
  checkBoolean('detachNeighbors', detachNeighbors)
  checkOneOf('distances', distances, ['whole', 'exact'])
  const { images, height, width } = pixelData(ops, inputs, ignoreIndex)
  const shape = [images, height, width]
  const goal = targetDirections(inputs.target, images, maxDistance, (map) =>
    boundaryDirections(map, height, width, ignoreIndex, distances === 'exact'),
  )

  const logs = logSoftmax(ops, inputs.logits)
  const boundary = ops.reshape(
    predictedBoundary(ops, ops.stopGradient(logs), maxBoundaryShare * height * width),
    shape,
  )
  const chosen = ops.multiply(boundary, ops.constant(goal.directed, shape))
  const divergences = directions.map(([rows, columns]) => {
    const other = neighbor(ops, detachNeighbors ? ops.stopGradient(logs) : logs, rows, columns)
    return divergence(ops, other, logs)
  })
  const scores = logSoftmax(ops, ops.concat(divergences, 1))
  const smoothing = labelSmoothing / directions.length
  const crossEntropy = ops.add(
    ops.multiply(ops.takeAlongAxis(scores, goal.nearest, 1), smoothing + labelSmoothing - 1),
    ops.multiply(ops.sum(scores, [1]), -smoothing),
  )
  const weighted = ops.multiply(crossEntropy, ops.multiply(chosen, ops.constant(goal.weights, shape)))
  return ratio(ops, ops.sum(weighted), ops.sum(chosen))
}

/** Returns the KL divergence of the distribution p from q, both log-probabilities: [images, 1, height, width]. */
function divergence<T>(ops: TensorOps<T>, p: T, q: T): T {
  return ops.sum(ops.multiply(ops.exp(p), ops.subtract(p, q)), [1], true)
}

/** Returns 1 on the predicted boundary, [images, 1, height, width]. */
function predictedBoundary<T>(ops: TensorOps<T>, logs: T, maxPixels: number): T {
  const change = ops.add(
    divergence(ops, logs, neighbor(ops, logs, 0, 1)),
    divergence(ops, logs, neighbor(ops, logs, 1, 0)),
  )
  // Finds the first threshold that few enough pixels exceed. Bisection keeps the loop length fixed for traced programs.
  let threshold = ops.constant([1e-5], [])
  for (const steps of [64, 32, 16, 8, 4, 2, 1]) {
    const tried = ops.multiply(threshold, 1.2 ** (steps - 1))
    const tooMany = ops.greater(ops.sum(ops.greater(change, tried)), maxPixels)
    threshold = ops.add(
      ops.multiply(ops.multiply(threshold, tooMany), 1.2 ** steps),
      ops.multiply(threshold, complement(ops, tooMany)),
    )
  }
  const widen = (x: T, rows: number, columns: number) =>
    ops.maximum(ops.maximum(x, neighbor(ops, x, rows, columns)), neighbor(ops, x, -rows, -columns))
  return widen(widen(ops.greater(change, threshold), 1, 0), 0, 1)
}

/** Returns each pixel's direction, whether it has one, and its weight, for the whole batch. */
function targetDirections(
  target: IntegerArray,
  images: number,
  maxDistance: number,
  directionsOf: (map: IntegerArray) => BoundaryDirections | undefined,
) {
  const nearest = new Int32Array(target.length)
  const directed = new Uint8Array(target.length)
  const weights = new Float64Array(target.length)
  const pixels = target.length / images
  for (let start = 0; start < target.length; start += pixels) {
    const found = directionsOf(target.subarray(start, start + pixels))
    if (!found) continue
    nearest.set(found.nearest, start)
    directed.set(found.directed, start)
    weights.set(
      found.distances.map((distance) => Math.min(distance, maxDistance) / maxDistance),
      start,
    )
  }
  return { nearest, directed, weights }
}
