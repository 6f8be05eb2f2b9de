import type { TensorOps } from '../../ops.js'
import { sizeMismatch } from '../../shape.js'
import { softplus } from '../functions.js'
import { type IgnoreOptions, type LabelledLogits, labelled } from './labelled.js'
import { checkInteger, checkShare } from './options.js'

export interface RegionMutualInformationOptions extends IgnoreOptions {
  /** Side of the square regions, in pixels after downsampling. Default 3. */
  readonly radius?: number
  /** Side and stride of the windows whose maximum is taken before; 1 for none. Default 3. */
  readonly downsampling?: number
  /** Share of the binary cross-entropy in the loss; 0 for the mutual information alone. Default 0.5. */
  readonly lambda?: number
}

/** Added to the covariances' diagonals: the published code's constant. */
const diagonal = 5e-4
/** Least probability: the published code's constant. */
const floor = 1e-6

/**
 * Region mutual information loss: `lambda · BCE + (1 - lambda) · RMI`. Regions of radius x radius neighbouring pixels are points
 * of dimension d = radius²; with their scatter matrices in the truth Y and the sigmoids P,
 * `RMI = Σ_classes mean_images 1/(2d) log det(S_YY - S_YP (S_PP + αI)⁻¹ S_YPᵀ + αI)`, α = 5e-4: half the
 * log-determinant of what is left unknown of the truth. BCE is the binary cross-entropy summed over classes and the pixels that
 * count, over their number plus 1. Pixels that do not count are 0 in the truth and (but for 1e-6) in P; when none does, the loss
 * is at RMI's least, `(1 - lambda) · classes · log(α) / 2`, a constant.
 *
 * Source: Zhao et al., NeurIPS 2019, and its code (`RMILoss`, max pooling, sum over classes), which computes in double
 * precision and adds 1e-8 to the Cholesky factor's diagonal; here the pivots of an elimination stand for that factor, kept at α
 * or more, as they are in exact arithmetic.
 *
 * @returns a scalar, at least `(1 - lambda) · classes · log(α) / 2`
 * @throws `size-mismatch` when logits and labels do not go together or images are too small for a region;
 * `invalid-argument` for a label out of range or an option
 */
export function regionMutualInformationLoss<T>(
  ops: TensorOps<T>,
  inputs: LabelledLogits<T>,
  options: RegionMutualInformationOptions = {},
): T {
  const { radius = 3, downsampling = 3, lambda = 0.5, ignoreIndex } = options
  checkInteger('radius', radius, 1)
  checkInteger('downsampling', downsampling, 1)
  checkShare('lambda', lambda)
  const data = labelled(ops, inputs, ignoreIndex)
  const { images, classes, height, width, logits, truth, mask, total } = data
  const shape = [images, classes, height, width]
  const regions = (x: T) => regionVectors(ops, maxPool(ops, ops.reshape(x, shape), downsampling), radius)
  const p = ops.add(ops.multiply(ops.sigmoid(logits), mask), floor)
  const points = ops.concat([regions(p), regions(truth)], 2)
  const information = ops.divide(logDeterminants(ops, points, radius * radius), 2 * radius * radius * images)
  const wrong = ops.multiply(logits, ops.add(ops.multiply(truth, -2), 1))
  const bce = ops.divide(ops.sum(ops.multiply(softplus(ops, wrong), mask)), total + 1)
  return ops.add(ops.multiply(bce, lambda), ops.multiply(information, 1 - lambda))
}

/** Maxima over windows `size` apart, the first of which starts half a window beyond the frame, where x >= 0 counts as 0. */
function maxPool<T>(ops: TensorOps<T>, x: T, size: number): T {
  if (size === 1) return x
  const pooled = (y: T, axis: number) => {
    const shape = ops.shape(y)
    const before = Math.floor(size / 2)
    const count = Math.floor((shape[axis]! + 2 * before - size) / size) + 1
    const resized = (length: number) => shape.map((full, i) => (i === axis ? length : full))
    const zeros = (length: number) => {
      const filled = resized(length)
      return ops.constant(new Float32Array(filled.reduce((a, b) => a * b, 1)), filled)
    }
    const after = Math.max(count * size - before - shape[axis]!, 0)
    const padded = ops.concat(after > 0 ? [zeros(before), y, zeros(after)] : [zeros(before), y], axis)
    const cut = ops.slice(
      padded,
      shape.map(() => 0),
      resized(count * size),
    )
    const windows = [...shape.slice(0, axis), count, size, ...shape.slice(axis + 1)]
    return ops.max(ops.reshape(cut, windows), [axis + 1])
  }
  return pooled(pooled(x, 2), 3)
}

/** [images, classes, radius², regions], about their mean. */
function regionVectors<T>(ops: TensorOps<T>, x: T, radius: number): T {
  const [images, classes, height, width] = ops.shape(x) as [number, number, number, number]
  const rows = height - radius + 1
  const columns = width - radius + 1
  if (rows < 1 || columns < 1) {
    throw sizeMismatch(
      `Maps of ${height}x${width} after downsampling have no region of ${radius}x${radius}.`,
      'Give larger images, or set downsampling or radius lower.',
      { height, width, radius },
    )
  }
  const count = rows * columns
  const shifted: T[] = []
  for (let y = 0; y < radius; y++) {
    for (let column = 0; column < radius; column++) {
      const part = ops.slice(x, [0, 0, y, column], [images, classes, rows, columns])
      shifted.push(ops.reshape(part, [images, classes, 1, count]))
    }
  }
  const vectors = ops.concat(shifted, 2)
  return ops.subtract(vectors, ops.divide(ops.sum(vectors, [3], true), count))
}

/**
 * The sum over images and classes of log det of the Schur complement of the first `known` coordinates in the scatter matrix
 * of the points, with {@link diagonal} added: both by one Gaussian elimination, whose later pivots multiply to the determinant.
 */
function logDeterminants<T>(ops: TensorOps<T>, points: T, known: number): T {
  const [images, classes, size] = ops.shape(points) as [number, number, number]
  const identity = Float64Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? diagonal : 0))
  let matrix = ops.add(ops.matmul(points, points, { transposeB: true }), ops.constant(identity, [size, size]))
  let sum = ops.constant([0], [])
  for (let i = 0; i < size; i++) {
    const left = size - i
    const pivot = ops.maximum(ops.slice(matrix, [0, 0, 0, 0], [images, classes, 1, 1]), diagonal)
    if (i >= known) sum = ops.add(sum, ops.sum(ops.log(pivot)))
    if (left === 1) break
    const column = ops.slice(matrix, [0, 0, 1, 0], [images, classes, left - 1, 1])
    const rest = ops.slice(matrix, [0, 0, 1, 1], [images, classes, left - 1, left - 1])
    matrix = ops.subtract(rest, ops.divide(ops.matmul(column, column, { transposeB: true }), pivot))
  }
  return sum
}
