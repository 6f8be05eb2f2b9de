import type { TensorOps } from '../../ops.js'
import { checkInteger, checkShare } from '../../options.js'
import { sizeMismatch } from '../../shape.js'
import { softplus } from '../functions.js'
import { type IgnoreOptions, type LabelledLogits, labelled } from './labelled.js'

export interface RegionMutualInformationOptions extends IgnoreOptions {
  /** Side of the square regions, in pixels after downsampling: what the published code calls their radius. Default 3. */
  readonly radius?: number
  /** Side and stride of the windows whose maximum is taken before; 1 for none. Default 3. */
  readonly downsampling?: number
  /** Share of the binary cross-entropy in the loss; 0 for the mutual information alone. Default 0.5. */
  readonly lambda?: number
}

/** Added to the covariances' diagonals: the published code's constant. */
const diagonal = 5e-4

/**
 * Region mutual information loss: `lambda · BCE + (1 - lambda) · RMI`. Regions of radius x radius neighbouring pixels are points
 * of dimension d = radius²; with their scatter matrices in the truth Y and the sigmoids P,
 * `RMI = Σ_classes mean_images 1/(2d) log det(S_YY - S_YP (S_PP + αI)⁻¹ S_YPᵀ + αI)`, α = 5e-4: half the
 * log-determinant of what is left unknown of the truth. BCE is the binary cross-entropy summed over classes and the pixels that
 * count, over their number plus 1. Pixels that do not count are 0 in the truth and in P; when none does, the loss is at RMI's
 * least, `(1 - lambda) · classes · log(α) / 2`, a constant.
 *
 * Source: Zhao et al., NeurIPS 2019, and its code (`RMILoss`, max pooling, sum over classes), which computes in double
 * precision, because it takes the difference as it stands here, and adds 1e-8 to the Cholesky factor's diagonal. Here the same is
 * a sum of squares, of which single precision keeps about six digits unless regions are all but alike; the pivots of an
 * elimination stand for that factor, kept at α or more, as they are in exact arithmetic. The 1e-6 that is added to P there
 * changes nothing, since points are taken about their mean.
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
  const p = ops.multiply(ops.sigmoid(logits), mask)
  const information = ops.divide(
    logDeterminants(ops, regions(p), regions(truth)),
    2 * radius * radius * images,
  )
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

/**
 * [images, classes, radius², regions], about their mean, in the basis of the cosine transform. No determinant changes by that, but
 * what neighbouring pixels have in common is in one coordinate then, not in all, beside which single precision would lose how
 * they differ.
 */
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
  const centred = ops.subtract(vectors, ops.divide(ops.sum(vectors, [3], true), count))
  return ops.matmul(ops.constant(cosineBasis(radius), [radius ** 2, radius ** 2]), centred)
}

/** The orthonormal cosine transform (DCT-II) of a square of pixels, as a matrix. */
function cosineBasis(side: number): Float64Array {
  const wave = (frequency: number, at: number) =>
    Math.cos((Math.PI * frequency * (at + 0.5)) / side) * Math.sqrt((frequency === 0 ? 1 : 2) / side)
  const size = side * side
  return Float64Array.from({ length: size * size }, (_, i) => {
    const [row, column] = [Math.floor(i / size), i % size]
    return wave(Math.floor(row / side), Math.floor(column / side)) * wave(row % side, column % side)
  })
}

/**
 * The sum over images and classes of log det of what is left unknown of `y` by `p`, both [images, classes, d, regions], with
 * {@link diagonal} added.
 *
 * The published `S_YY - S_YP (S_PP + αI)⁻¹ S_YPᵀ` is the difference of nearly equal numbers where predictions are good, of which
 * single precision keeps nothing. With `B = S_YP (S_PP + αI)⁻¹` and the residuals `E = Y - B P` it is `E Eᵀ + α B Bᵀ`, a sum. B
 * is where that is least, so its error counts squared, and the gradient need not flow through it.
 */
function logDeterminants<T>(ops: TensorOps<T>, p: T, y: T): T {
  const size = ops.shape(p)[2]!
  const times = (a: T, b: T) => ops.matmul(a, b, { transposeB: true })
  const [known, target] = [ops.stopGradient(p), ops.stopGradient(y)]
  const ridge = ops.constant(scaledIdentity(size, diagonal), [size, size])
  const inverse = inverseOf(ops, ops.add(times(known, known), ridge))
  const first = ops.matmul(times(target, known), inverse)
  // Once more, for what the first solution's rounding left.
  const rest = ops.subtract(target, ops.matmul(first, known))
  const missing = ops.subtract(times(rest, known), ops.multiply(first, diagonal))
  const b = ops.add(first, ops.matmul(missing, inverse))
  const residuals = ops.subtract(y, ops.matmul(b, p))
  const unknown = ops.add(times(residuals, residuals), ops.multiply(times(b, b), diagonal))
  return logDeterminant(ops, ops.add(unknown, ridge))
}

/** The inverses of symmetric matrices with eigenvalues of {@link diagonal} or more, [..., size, size], by sweeping each pivot. */
function inverseOf<T>(ops: TensorOps<T>, matrices: T): T {
  const [images, classes, size] = ops.shape(matrices) as [number, number, number]
  let swept = matrices
  for (let k = 0; k < size; k++) {
    const unit = Float64Array.from({ length: size }, (_, i) => (i === k ? 1 : 0))
    const others = Float64Array.from({ length: size * size }, (_, i) =>
      Math.floor(i / size) === k || i % size === k ? 0 : 1,
    )
    const pivot = ops.maximum(ops.slice(swept, [0, 0, k, k], [images, classes, 1, 1]), diagonal)
    const column = ops.slice(swept, [0, 0, 0, k], [images, classes, size, 1])
    const elsewhere = ops.constant(
      unit.map((one) => 1 - one),
      [size, 1],
    )
    const z = ops.subtract(ops.multiply(column, elsewhere), ops.constant(unit, [size, 1]))
    swept = ops.subtract(
      ops.multiply(swept, ops.constant(others, [size, size])),
      ops.divide(ops.matmul(z, z, { transposeB: true }), pivot),
    )
  }
  return ops.multiply(swept, -1)
}

/** The sum of log det of symmetric matrices with eigenvalues of {@link diagonal} or more, [..., size, size], by elimination. */
function logDeterminant<T>(ops: TensorOps<T>, matrices: T): T {
  const [images, classes, size] = ops.shape(matrices) as [number, number, number]
  let matrix = matrices
  let sum = ops.constant([0], [])
  for (let left = size; left > 0; left--) {
    const pivot = ops.maximum(ops.slice(matrix, [0, 0, 0, 0], [images, classes, 1, 1]), diagonal)
    sum = ops.add(sum, ops.sum(ops.log(pivot)))
    if (left === 1) break
    const column = ops.slice(matrix, [0, 0, 1, 0], [images, classes, left - 1, 1])
    const rest = ops.slice(matrix, [0, 0, 1, 1], [images, classes, left - 1, left - 1])
    matrix = ops.subtract(rest, ops.divide(ops.matmul(column, column, { transposeB: true }), pivot))
  }
  return sum
}

const scaledIdentity = (size: number, scale: number) =>
  Float64Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? scale : 0))
