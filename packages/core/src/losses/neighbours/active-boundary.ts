import { complement } from '../../norm.js'
import type { TensorOps } from '../../ops.js'
import { checkChoice, checkPositive, checkShare } from '../../options.js'
import { logSoftmax, ratio } from '../functions.js'
import type { IntegerArray } from '../inputs.js'
import { type BoundaryDirections, boundaryDirections, directions } from './boundary-directions.js'
import { type IgnoreOptions, type LabelledLogits, labelled } from './labelled.js'
import { neighbour } from './neighbour-pixels.js'

export interface ActiveBoundaryOptions extends IgnoreOptions {
  /** How much of an image's size the predicted boundaries of the whole batch may take, before they are widened. Default 0.01. */
  readonly maxBoundaryShare?: number
  /** Distance in pixels from which on a pixel weighs 1. Default 20. */
  readonly maxDistance?: number
  /**
   * Distances to the true boundary in `whole` pixels, rounded down as the published code does by keeping them in arrays of
   * integers (default), or `exact`: neighbours whose distances differ by less than a pixel are then told apart.
   */
  readonly distances?: 'whole' | 'exact'
  /** Of the direction, in [0, 1]. Default 0.2. */
  readonly labelSmoothing?: number
  /** Whether gradients flow to the pixel on the predicted boundary alone and not to its neighbours. Default true. */
  readonly detachNeighbours?: boolean
}

/**
 * Active boundary loss: moves predicted boundaries towards the true ones. A pixel is on a predicted boundary when the KL
 * divergence between its class distribution and those of the pixels below and to the right is among the largest; the boundary is
 * widened by one pixel. There, the KL divergences from its eight neighbours are the logits of the direction in which the true
 * boundary is to be found, judged by cross-entropy with label smoothing s (the true direction has 1 - s, each other s/8, as
 * published) and weighed by the distance d to the true boundary, `min(d, maxDistance) / maxDistance`. The mean is over the pixels
 * of predicted boundaries that have a direction. Pixels that do not count are part of the true boundary
 * and weigh 0. Without a predicted or a true boundary it is 0.
 *
 * The threshold on the divergence grows from 1e-5 by factors of 1.2, up to 127 times, until few enough pixels are above it.
 *
 * Source: Wang et al., AAAI 2022, and its code (`ABL`), whose defaults these are.
 *
 * @returns a scalar, at least 0, in nats
 * @throws `size-mismatch` when logits and labels do not go together; `invalid-argument` for a label out of range or an option
 */
export function activeBoundaryLoss<T>(
  ops: TensorOps<T>,
  inputs: LabelledLogits<T>,
  options: ActiveBoundaryOptions = {},
): T {
  const { maxBoundaryShare = 0.01, maxDistance = 20, labelSmoothing = 0.2 } = options
  const { detachNeighbours = true, distances = 'whole', ignoreIndex = 255 } = options
  checkShare('maxBoundaryShare', maxBoundaryShare)
  checkPositive('maxDistance', maxDistance)
  checkShare('labelSmoothing', labelSmoothing)
  checkChoice('distances', distances, 'whole', 'exact')
  const { images, height, width } = labelled(ops, inputs, ignoreIndex)
  const shape = [images, height, width]
  const truth = trueDirections(inputs.labels, images, maxDistance, (map) =>
    boundaryDirections(map, height, width, ignoreIndex, distances === 'exact'),
  )

  const logs = logSoftmax(ops, inputs.logits)
  const boundary = ops.reshape(
    predictedBoundary(ops, ops.stopGradient(logs), maxBoundaryShare * height * width),
    shape,
  )
  const chosen = ops.multiply(boundary, ops.constant(truth.directed, shape))
  const divergences = directions.map(([rows, columns]) => {
    const other = neighbour(ops, detachNeighbours ? ops.stopGradient(logs) : logs, rows, columns)
    return divergence(ops, other, logs)
  })
  const scores = logSoftmax(ops, ops.concat(divergences, 1))
  const rest = labelSmoothing / directions.length
  const surprise = ops.add(
    ops.multiply(ops.pick(scores, truth.nearest, 1), rest + labelSmoothing - 1),
    ops.multiply(ops.sum(scores, [1]), -rest),
  )
  const weighted = ops.multiply(surprise, ops.multiply(chosen, ops.constant(truth.weights, shape)))
  return ratio(ops, ops.sum(weighted), ops.sum(chosen))
}

/** KL divergence of the distribution p from q, both as log-probabilities: [images, 1, height, width]. */
function divergence<T>(ops: TensorOps<T>, p: T, q: T): T {
  return ops.sum(ops.multiply(ops.exp(p), ops.subtract(p, q)), [1], true)
}

/** [images, 1, height, width]: 1 on the predicted boundary. */
function predictedBoundary<T>(ops: TensorOps<T>, logs: T, most: number): T {
  const change = ops.add(
    divergence(ops, logs, neighbour(ops, logs, 0, 1)),
    divergence(ops, logs, neighbour(ops, logs, 1, 0)),
  )
  // The first threshold that few enough pixels exceed, found by halving, so that a traced program has no loop of unknown length.
  let threshold = ops.constant([1e-5], [])
  for (const steps of [64, 32, 16, 8, 4, 2, 1]) {
    const tried = ops.multiply(threshold, 1.2 ** (steps - 1))
    const tooMany = ops.greater(ops.sum(ops.greater(change, tried)), most)
    threshold = ops.add(
      ops.multiply(ops.multiply(threshold, tooMany), 1.2 ** steps),
      ops.multiply(threshold, complement(ops, tooMany)),
    )
  }
  const widen = (x: T, rows: number, columns: number) =>
    ops.maximum(ops.maximum(x, neighbour(ops, x, rows, columns)), neighbour(ops, x, -rows, -columns))
  return widen(widen(ops.greater(change, threshold), 1, 0), 0, 1)
}

/** For the whole batch: the direction of each pixel, whether it has one, and its weight. */
function trueDirections(
  labels: IntegerArray,
  images: number,
  maxDistance: number,
  directionsOf: (map: IntegerArray) => BoundaryDirections | undefined,
) {
  const nearest = new Int32Array(labels.length)
  const directed = new Uint8Array(labels.length)
  const weights = new Float64Array(labels.length)
  const pixels = labels.length / images
  for (let start = 0; start < labels.length; start += pixels) {
    const found = directionsOf(labels.subarray(start, start + pixels))
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
