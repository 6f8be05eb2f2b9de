import { checkNumber } from '@inverseform/errors'
import { complement, norm } from '../../math.js'
import type { TensorOps } from '../../ops.js'
import { checkParameters, shapeOf } from '../../shape.js'

export interface GeodesicDistanceOptions {
  /** λ, the weight of the part that is not rotation. Default 0.1. */
  readonly lambda?: number
}

/**
 * Newton steps to the root. Near a double root each step only halves the gap: it takes 27 halvings to reach the gap that double
 * precision leaves, plus a few steps of margin.
 */
const newtonSteps = 32

/**
 * `least`: the smallest ζ (see {@link geodesicDistance}) that divides P. `rounding`: the rounding error of ζ at a double root,
 * the square root of the unit roundoff.
 */
const limits = { double: { least: 1e-4, rounding: 1e-8 }, single: { least: 1e-2, rounding: 3e-4 } }

/**
 * Geodesic distance of homographies from the identity: `arccos((tr P - 1) / 2) + λ tr(RᵀR)`. P is the rotation nearest to
 * the 3x3 matrix H (`U diag(1, 1, det UVᵀ) Vᵀ` of its singular value decomposition), and R = H - P is the residual.
 *
 * Singular and reflecting matrices are covered. At the identity, the distance and its gradient are 0. Where P turns by 0 or
 * π, the gradient of the angle is 0.
 *
 * P is undefined where `σ₂ + s σ₃ = 0`, with s the sign of det H: at rank 1, or for a reflection whose two smaller singular
 * values are equal. Let `ζ = (σ₁ + σ₂)(σ₁ + s σ₃)(σ₂ + s σ₃) / ‖H‖³`. Where ζ is below a limit, P is scaled by ζ divided by
 * that limit, which keeps the distance and its gradient finite. At ζ = 0 the angle is π and R is H.
 *
 * The rotation is computed by differentiable arithmetic, without a decomposition. λ' = tr(PᵀH) is the largest root of a
 * quartic, found by Newton's method from above, and P is a polynomial in H and λ', divided by ζ. Where ζ is small the root is
 * nearly double and has half the digits. The limit of ζ is therefore 1e-4 in double precision: above it the angle agrees
 * with that of the decomposition to 1e-8, below it with the definition above to 1e-4. In single precision the limit is 1e-2,
 * and the two errors are 1e-4 and 2e-2. Above ζ = 0.1 the first is 2e-6 (ζ of the identity is 1.54).
 *
 * The angle is computed from both sine and cosine. Near 0 and π, an arccosine would lose half the digits.
 *
 * Sources: the InverseForm paper (arXiv 2104.02745), section 3.2; F. L. Markley, "Attitude determination using vector
 * observations: a fast optimal matrix algorithm", Journal of the Astronautical Sciences 41 (1993).
 *
 * @param theta [transformations, 8], each a 3x3 matrix in row-major order without its last element, which is 1
 * @returns [transformations], each at least 0; angles in radians
 * @throws InverseFormError `size-mismatch` when theta has another shape; `invalid-argument` for a λ below 0
 */
export function geodesicDistance<T>(
  ops: TensorOps<T>,
  theta: T,
  { lambda = 0.1 }: GeodesicDistanceOptions = {},
): T {
  checkNumber('lambda', lambda, { min: 0 })
  return geodesicDistanceOfMatrices(ops, homographies(ops, theta), lambda)
}

/** [transformations, 8] → [transformations, 3, 3], with 1 as each matrix's last element. */
export function homographies<T>(ops: TensorOps<T>, theta: T): T {
  const shape = shapeOf(ops, 'theta', theta)
  checkParameters('theta', shape, 8, 'homographies')
  const count = shape[0]
  const last = ops.constant(new Float32Array(count).fill(1), [count, 1])
  return ops.reshape(ops.concat([theta, last], 1), [count, 3, 3])
}

/** {@link geodesicDistance} of nonzero matrices, [transformations, 3, 3]. */
export function geodesicDistanceOfMatrices<T>(ops: TensorOps<T>, h: T, lambda: number): T {
  const p = nearestRotation(ops, h)
  const rest = ops.subtract(h, p)
  return ops.add(angleOf(ops, p), ops.multiply(ops.sum(ops.multiply(rest, rest), [1, 2]), lambda))
}

/** Returns the rotation nearest to each matrix, [matrices, 3, 3]. */
function nearestRotation<T>(ops: TensorOps<T>, matrices: T): T {
  const { add, subtract, multiply, divide } = ops
  const total = (x: T) => ops.sum(x, [1, 2], true)
  const identity = identityMatrix(ops)
  const trace = (x: T) => total(multiply(x, identity))

  // Scaled to norm 1, so that the limits apply to any matrix.
  const h = divide(matrices, ops.sqrt(total(multiply(matrices, matrices))))
  const squared = ops.matmul(h, h)
  const t = trace(h)
  const minors = multiply(subtract(multiply(t, t), trace(squared)), 0.5)
  const adjugate = add(subtract(squared, multiply(h, t)), multiply(identity, minors))
  const cofactors = ops.transpose(adjugate, [0, 2, 1])
  const determinant = divide(total(multiply(h, cofactors)), 3)
  const rest = complement(ops, multiply(total(multiply(cofactors, cofactors)), 4))

  // f(x) = x⁴ - 2x² - 8 det(H) x + 1 - 4 ‖cof H‖²; ζ(x) = (x³ - x) / 2 - det(H) is an eighth of its derivative.
  const cubic = (x: T) => subtract(multiply(x, multiply(x, x)), x)
  const zetaAt = (x: T, det: T, limit: T) => ops.maximum(subtract(multiply(cubic(x), 0.5), det), limit)
  const step = (x: T, det: T, constant: T, limit: T) => {
    const f = add(multiply(x, subtract(subtract(cubic(x), x), multiply(det, 8))), constant)
    return divide(f, ops.stopGradient(multiply(zetaAt(x, det, limit), 8)))
  }
  const { least, rounding } = limitsOf(ops)
  // The root is found without gradient. By the implicit function theorem, one more step has the derivative of the root.
  const [det, constant] = [ops.stopGradient(determinant), ops.stopGradient(rest)]
  let root = add(multiply(det, 0), Math.sqrt(3))
  for (let i = 1; i < newtonSteps; i++) {
    // When only rounding error is left of ζ, the root is reached. Another step might overshoot it.
    const unfinished = ops.greater(zetaAt(root, det, rounding), rounding)
    root = subtract(root, multiply(step(root, det, constant, rounding), unfinished))
  }
  root = subtract(root, step(root, determinant, rest, least))

  const half = multiply(add(multiply(root, root), 1), 0.5)
  const cube = ops.matmul(ops.matmul(h, h, { transposeB: true }), h)
  const numerator = subtract(add(multiply(h, half), multiply(cofactors, root)), cube)
  return divide(numerator, zetaAt(root, determinant, least))
}

/** Returns {@link limits} for the library's precision, detected by adding a small number to 1. */
function limitsOf<T>(ops: TensorOps<T>): { readonly least: T; readonly rounding: T } {
  const one = ops.constant([1], [])
  const double = ops.greater(ops.add(one, 1e-9), one)
  const choose = (key: 'least' | 'rounding') => {
    const { double: fine, single: coarse } = limits
    return ops.add(ops.multiply(double, fine[key] - coarse[key]), coarse[key])
  }
  return { least: choose('least'), rounding: choose('rounding') }
}

/** Returns the angle of rotations [matrices, 3, 3], in [0, π]. */
function angleOf<T>(ops: TensorOps<T>, p: T): T {
  const cosine = ops.multiply(ops.subtract(ops.sum(ops.multiply(p, identityMatrix(ops)), [1, 2]), 1), 0.5)
  const skew = ops.subtract(p, ops.transpose(p, [0, 2, 1]))
  const sine = ops.divide(norm(ops, skew, [1, 2]), Math.sqrt(8))
  const acute = ops.greater(cosine, 0)
  const sign = ops.subtract(ops.multiply(acute, 2), 1)
  const tangent = ops.divide(sine, ops.add(ops.multiply(cosine, sign), 1))
  const angle = ops.multiply(ops.arctan(tangent), 2)
  return ops.add(ops.multiply(angle, sign), ops.multiply(complement(ops, acute), Math.PI))
}

function identityMatrix<T>(ops: TensorOps<T>): T {
  return ops.constant([1, 0, 0, 0, 1, 0, 0, 0, 1], [1, 3, 3])
}
