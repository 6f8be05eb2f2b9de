import { complement, norm } from '../norm.js'
import type { TensorOps } from '../ops.js'
import { checkParameters } from './euclidean-distance.js'
import { checkNumber } from './inputs.js'

export interface GeodesicDistanceOptions {
  /** λ, the weight of what is not rotation. Default 0.1. */
  readonly lambda?: number
}

/** From the smallest gap that is told from none to convergence takes 14 halvings and a few quadratic steps. */
const newtonSteps = 20

/** The least ζ (see below) that is divided by. */
const epsilon = 1e-4

/**
 * Geodesic distance of homographies from the identity: `arccos((tr P - 1) / 2) + λ tr(RᵀR)`, with P the rotation nearest to
 * the 3x3 matrix H (`U diag(1, 1, det UVᵀ) Vᵀ` of its singular value decomposition) and R = H - P what is left.
 *
 * Singular and reflecting matrices are covered. At the identity the distance is 0 with gradient 0; where P turns by 0 or π,
 * the angle's gradient is 0. P is not defined where `σ₂ + s σ₃ = 0`, s the sign of det H (rank 1, or a reflection with two
 * equal lesser singular values): where `ζ = (σ₁ + σ₂)(σ₁ + s σ₃)(σ₂ + s σ₃) / ‖H‖³` is below 1e-4, P is shrunk by ζ / 1e-4,
 * so that the distance stays finite, and its gradient too; at ζ = 0 the angle is π and R is H.
 *
 * The rotation is found without a decomposition, and so differentiably in plain arithmetic: λ' = tr(PᵀH) is the largest root
 * of a quartic, by Newton's method from above, and P is a polynomial in H and λ' over ζ.
 * The angle comes from the sine and the cosine together, which keeps its digits near 0 and π where the arccosine loses half.
 *
 * Sources: the InverseForm paper (arXiv 2104.02745), section 3.2; F. L. Markley, "Attitude determination using vector
 * observations: a fast optimal matrix algorithm", Journal of the Astronautical Sciences 41 (1993).
 *
 * @param theta [transformations, 8], each a 3x3 matrix row by row without its last element, which is 1
 * @returns [transformations], each at least 0; angles in radians
 * @throws `size-mismatch` when theta has another shape; `invalid-argument` for a λ below 0
 */
export function geodesicDistance<T>(
  ops: TensorOps<T>,
  theta: T,
  { lambda = 0.1 }: GeodesicDistanceOptions = {},
): T {
  checkNumber('lambda', lambda, 0)
  const shape = ops.shape(theta)
  checkParameters(shape, 8, 'a homography')
  const count = shape[0]!
  const last = ops.constant(new Float32Array(count).fill(1), [count, 1])
  const h = ops.reshape(ops.concat([theta, last], 1), [count, 3, 3])
  const p = nearestRotation(ops, h)
  const rest = ops.subtract(h, p)
  return ops.add(angleOf(ops, p), ops.multiply(ops.sum(ops.multiply(rest, rest), [1, 2]), lambda))
}

/** The rotation nearest to each matrix, [matrices, 3, 3]. */
function nearestRotation<T>(ops: TensorOps<T>, matrices: T): T {
  const { add, subtract, multiply, divide } = ops
  const total = (x: T) => ops.sum(x, [1, 2], true)
  const identity = identityMatrix(ops)
  const trace = (x: T) => total(multiply(x, identity))

  // To the norm 1, so that what follows has one scale. The last element is 1, so the norm is not 0.
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
  const zetaAt = (x: T, det: T) => ops.maximum(subtract(multiply(cubic(x), 0.5), det), epsilon)
  const step = (x: T, det: T, constant: T) => {
    const f = add(multiply(x, subtract(subtract(cubic(x), x), multiply(det, 8))), constant)
    return subtract(x, divide(f, ops.stopGradient(multiply(zetaAt(x, det), 8))))
  }
  // The root is found without gradient; one more step from it has the root's derivative, by the implicit function theorem.
  const [det, constant] = [ops.stopGradient(determinant), ops.stopGradient(rest)]
  let root = add(multiply(det, 0), Math.sqrt(3))
  for (let i = 1; i < newtonSteps; i++) root = step(root, det, constant)
  root = step(root, determinant, rest)

  const half = multiply(add(multiply(root, root), 1), 0.5)
  const cube = ops.matmul(ops.matmul(h, h, { transposeB: true }), h)
  const numerator = subtract(add(multiply(h, half), multiply(cofactors, root)), cube)
  return divide(numerator, zetaAt(root, determinant))
}

/** The angle of rotations [matrices, 3, 3], in [0, π]. */
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
