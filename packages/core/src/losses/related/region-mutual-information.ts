import { checkInteger, checkNumber } from '@inverseform/errors'
import { product } from '@inverseform/shared'
import { softplus } from '../../math.js'
import type { TensorOps } from '../../ops.js'
import { sizeMismatch } from '../../shape.js'
import type { IgnoreOptions, SegmentationLossInputs } from '../inputs.js'
import { pixelData } from './pixel-data.js'

export interface RegionMutualInformationLossOptions extends IgnoreOptions {
  /** Side of the square regions, in pixels after downsampling (the radius of the published code). Default 3. */
  readonly radius?: number
  /** Side and stride of the max pooling that downsamples first; 1 for none. Default 3. */
  readonly downsampling?: number
  /** Share of the binary cross-entropy in the loss; 0 for the mutual information alone. Default 0.5. */
  readonly lambda?: number
}

/** Added to the diagonals of covariances: the constant of the published code. */
const diagonal = 5e-4

/**
 * Region mutual information loss: `lambda · BCE + (1 - lambda) · RMI`.
 *
 * Regions of radius x radius neighboring pixels are points of dimension d = radius². With S their scatter matrices in the target
 * Y and the sigmoids P, `RMI = Σ_classes mean_images 1/(2d) log det(S_YY - S_YP (S_PP + αI)⁻¹ S_YPᵀ + αI)`, α = 5e-4. This is half
 * the log-determinant of the target's residual covariance given the prediction. BCE is the binary cross-entropy summed over
 * classes and valid pixels, divided by the number of valid pixels plus 1. Ignored pixels are 0 in Y and P. Without valid pixels
 * the loss is the minimum of RMI, the constant `(1 - lambda) · classes · log(α) / 2`.
 *
 * Source: Zhao et al., NeurIPS 2019, and its code (`RMILoss`, max pooling, sum over classes). The published code evaluates the
 * difference directly, which requires double precision, and adds 1e-8 to the diagonal of the Cholesky factor. This code
 * computes the difference as a sum of squares, which keeps about six digits in single precision unless regions are nearly
 * alike. Elimination pivots replace the Cholesky factor and are kept at α or above, as in exact arithmetic. The published code
 * also adds 1e-6 to P, which has no effect because points are centered.
 *
 * @returns a scalar, at least `(1 - lambda) · classes · log(α) / 2`
 * @throws InverseFormError `size-mismatch` when the sizes of logits and target differ or images are smaller than a region;
 *   `invalid-argument` for a target value that is not a class or an invalid option
 */
export function regionMutualInformationLoss<T>(
  ops: TensorOps<T>,
  inputs: SegmentationLossInputs<T>,
  options: RegionMutualInformationLossOptions = {},
): T {
  const { radius = 3, downsampling = 3, lambda = 0.5, ignoreIndex } = options
  checkInteger('radius', radius, { min: 1 })
  checkInteger('downsampling', downsampling, { min: 1 })
  checkNumber('lambda', lambda, { min: 0, max: 1 })
  const data = pixelData(ops, inputs, ignoreIndex)
  const { images, numClasses, height, width, logits, oneHot, mask, numValid } = data
  const shape = [images, numClasses, height, width]
  const regions = (x: T) => regionVectors(ops, maxPool(ops, ops.reshape(x, shape), downsampling), radius)
  const p = ops.multiply(ops.sigmoid(logits), mask)
  const information = ops.divide(
    logDeterminants(ops, regions(p), regions(oneHot)),
    2 * radius * radius * images,
  )
  const wrong = ops.multiply(logits, ops.add(ops.multiply(oneHot, -2), 1))
  const bce = ops.divide(ops.sum(ops.multiply(softplus(ops, wrong), mask)), numValid + 1)
  return ops.add(ops.multiply(bce, lambda), ops.multiply(information, 1 - lambda))
}

/** Max pooling of x >= 0 with stride `size`. The first window starts half a window outside the image, where x counts as 0. */
function maxPool<T>(ops: TensorOps<T>, x: T, size: number): T {
  if (size === 1) return x
  const pooled = (y: T, axis: number) => {
    const shape = ops.shape(y)
    const before = Math.floor(size / 2)
    const count = Math.floor((shape[axis] + 2 * before - size) / size) + 1
    const resized = (length: number) => shape.map((full, i) => (i === axis ? length : full))
    const zeros = (length: number) => {
      const filled = resized(length)
      return ops.constant(new Float32Array(product(filled)), filled)
    }
    const after = Math.max(count * size - before - shape[axis], 0)
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
 * Returns the centered regions in the basis of the cosine transform, [images, classes, radius², regions]. The basis leaves
 * determinants unchanged. It moves what neighboring pixels have in common into one coordinate, so that single precision keeps
 * their differences in the others.
 */
function regionVectors<T>(ops: TensorOps<T>, x: T, radius: number): T {
  const [images, numClasses, height, width] = ops.shape(x) as [number, number, number, number]
  const rows = height - radius + 1
  const columns = width - radius + 1
  if (rows < 1 || columns < 1) {
    throw sizeMismatch(
      `Images must have at least ${radius}x${radius} pixels after downsampling, got ${height}x${width}.`,
      'Use larger images, or set `downsampling` or `radius` lower.',
      { height, width, radius },
    )
  }
  const count = rows * columns
  const shifted: T[] = []
  for (let y = 0; y < radius; y++) {
    for (let column = 0; column < radius; column++) {
      const part = ops.slice(x, [0, 0, y, column], [images, numClasses, rows, columns])
      shifted.push(ops.reshape(part, [images, numClasses, 1, count]))
    }
  }
  const vectors = ops.concat(shifted, 2)
  const centered = ops.subtract(vectors, ops.divide(ops.sum(vectors, [3], true), count))
  return ops.matmul(ops.constant(cosineBasis(radius), [radius ** 2, radius ** 2]), centered)
}

/** Returns the matrix of the orthonormal cosine transform (DCT-II) of a square of pixels. */
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
 * Returns the sum over images and classes of the log det of the residual covariance of `y` given `p`, both
 * [images, classes, d, regions], with {@link diagonal} added.
 *
 * Where predictions are good, the published `S_YY - S_YP (S_PP + αI)⁻¹ S_YPᵀ` subtracts nearly equal numbers, and single
 * precision loses all digits. With `B = S_YP (S_PP + αI)⁻¹` and the residuals `E = Y - B P` it equals the sum
 * `E Eᵀ + α B Bᵀ`. B minimizes that sum, so an error in B only enters squared, and no gradient needs to flow through B.
 */
function logDeterminants<T>(ops: TensorOps<T>, p: T, y: T): T {
  const size = ops.shape(p)[2]
  const times = (a: T, b: T) => ops.matmul(a, b, { transposeB: true })
  const [known, target] = [ops.stopGradient(p), ops.stopGradient(y)]
  const ridge = ops.constant(scaledIdentity(size, diagonal), [size, size])
  const inverse = inverseOf(ops, ops.add(times(known, known), ridge))
  const first = ops.matmul(times(target, known), inverse)
  // One refinement step corrects the rounding of the first solution.
  const rest = ops.subtract(target, ops.matmul(first, known))
  const missing = ops.subtract(times(rest, known), ops.multiply(first, diagonal))
  const b = ops.add(first, ops.matmul(missing, inverse))
  const residuals = ops.subtract(y, ops.matmul(b, p))
  const unknown = ops.add(times(residuals, residuals), ops.multiply(times(b, b), diagonal))
  return logDeterminant(ops, ops.add(unknown, ridge))
}

/** Inverts symmetric matrices with eigenvalues of at least {@link diagonal}, [..., size, size], by sweeping each pivot. */
function inverseOf<T>(ops: TensorOps<T>, matrices: T): T {
  const [images, numClasses, size] = ops.shape(matrices) as [number, number, number]
  let swept = matrices
  for (let k = 0; k < size; k++) {
    const unit = Float64Array.from({ length: size }, (_, i) => (i === k ? 1 : 0))
    const others = Float64Array.from({ length: size * size }, (_, i) =>
      Math.floor(i / size) === k || i % size === k ? 0 : 1,
    )
    const pivot = ops.maximum(ops.slice(swept, [0, 0, k, k], [images, numClasses, 1, 1]), diagonal)
    const column = ops.slice(swept, [0, 0, 0, k], [images, numClasses, size, 1])
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

/** Returns the sum of log det of symmetric matrices with eigenvalues of at least {@link diagonal}, [..., size, size], by elimination. */
function logDeterminant<T>(ops: TensorOps<T>, matrices: T): T {
  const [images, numClasses, size] = ops.shape(matrices) as [number, number, number]
  let matrix = matrices
  let sum = ops.constant([0], [])
  for (let left = size; left > 0; left--) {
    const pivot = ops.maximum(ops.slice(matrix, [0, 0, 0, 0], [images, numClasses, 1, 1]), diagonal)
    sum = ops.add(sum, ops.sum(ops.log(pivot)))
    if (left === 1) break
    const column = ops.slice(matrix, [0, 0, 1, 0], [images, numClasses, left - 1, 1])
    const rest = ops.slice(matrix, [0, 0, 1, 1], [images, numClasses, left - 1, left - 1])
    matrix = ops.subtract(rest, ops.divide(ops.matmul(column, column, { transposeB: true }), pivot))
  }
  return sum
}

const scaledIdentity = (size: number, scale: number) =>
  Float64Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? scale : 0))
