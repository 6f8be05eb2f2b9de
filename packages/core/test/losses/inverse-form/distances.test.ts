import { deterministicImage } from '@inverseform/testing'
import { goldenDistances, relativeError } from '@inverseform/testing/losses'
import { describe, expect, it } from 'vitest'
import { type ArrayTensor, arrayOps, grad } from '../../../src/array/index.js'
import { euclideanDistance, geodesicDistance } from '../../../src/index.js'
import { checkGradients, ops64, random } from '../../support/gradients.js'

type Matrix = readonly number[]
const identity: Matrix = [1, 0, 0, 0, 1, 0, 0, 0, 1]

const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((_, i) => [0, 1, 2].reduce((sum, k) => sum + a[i - (i % 3) + k] * b[3 * k + (i % 3)], 0))
const transposed = (a: Matrix): Matrix => a.map((_, i) => a[3 * (i % 3) + Math.floor(i / 3)])
const diagonal = (...values: readonly number[]): Matrix => identity.map((one, i) => one * values[i % 3])
const scaled = (a: Matrix, factor: number): Matrix => a.map((value) => value * factor)

/** Returns the rotation of a quaternion that is derived from a name. */
function rotation(name: string): Matrix {
  const q = deterministicImage(name, [4])
  const [w, x, y, z] = [...q].map((value) => value / Math.hypot(...q)) as [number, number, number, number]
  return [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  ].flat()
}

/** Computes the distance by definition. For H = U diag(σ) Vᵀ with rotations U and V, the nearest rotation is U Vᵀ. */
function fromFactors(h: Matrix, p: Matrix, lambda: number): number {
  const angle = Math.acos((p[0] + p[4] + p[8] - 1) / 2)
  return angle + lambda * h.reduce((sum, value, i) => sum + (value - p[i]) ** 2, 0)
}

describe.each([
  { type: 'float64', digits: 1e-12 },
  { type: 'float32', digits: 1e-5 },
] as const)('distances in $type', ({ type, digits }) => {
  const ops = arrayOps({ type })
  const stack = (thetas: readonly (readonly number[])[]) =>
    ops.constant(thetas.flat(), [thetas.length, thetas[0].length])
  const geodesic = (matrices: readonly Matrix[], lambda?: number) =>
    geodesicDistance(ops, stack(matrices.map((h) => h.slice(0, 8))), { lambda })

  it('match the reference', () => {
    const affine = goldenDistances.euclidean_affine
    const euclidean = euclideanDistance(ops, stack(affine.map(({ theta }) => theta)))
    const projective = goldenDistances.geodesic
    const geodesic = geodesicDistance(ops, stack(projective.map(({ theta }) => theta)))
    const expected = (distances: typeof affine) => distances.map(({ distance }) => distance)
    expect(euclidean.shape).toEqual([affine.length])
    expect(geodesic.shape).toEqual([projective.length])
    expect(relativeError(euclidean.data, expected(affine))).toBeLessThan(digits)
    expect(relativeError(geodesic.data, expected(projective))).toBeLessThan(digits)
  })

  // σ₂ + s σ₃ bounds how well-conditioned the rotation is, and thus its accuracy.
  it.each([
    { what: 'regular', sigma: [2, 1, 0.5] },
    { what: 'equal', sigma: [1, 1, 1] },
    { what: 'of rank 2', sigma: [1.5, 0.5, 0] },
    { what: 'reflecting', sigma: [2, 1, -0.4] },
    { what: 'far from rotations', sigma: [10, 3, 1] },
  ])('geodesic of matrices with singular values that are $what', ({ sigma }) => {
    let compared = 0
    for (let i = 0; i < 60; i++) {
      const u = rotation(`u${i}`)
      const v = rotation(`v${i}`)
      const h = product(product(u, diagonal(...sigma)), transposed(v))
      // The last element must be 1. Scaling by a positive factor does not change the nearest rotation.
      if (h[8] < 0.2) continue
      const homography = scaled(h, 1 / h[8])
      const expected = fromFactors(homography, product(u, transposed(v)), 0.1)
      expect(relativeError(geodesic([homography]).data, [expected])).toBeLessThan(10 * digits)
      compared++
    }
    expect(compared).toBeGreaterThan(10)
  })

  it('geodesic is accurate for small angles', () => {
    const angle = 1e-4
    const turned = [Math.cos(angle), -Math.sin(angle), 0, Math.sin(angle), Math.cos(angle), 0, 0, 0, 1]
    expect(relativeError(geodesic([turned], 0).data, [angle])).toBeLessThan(1e-3)
  })

  it('are 0 with gradient 0 at the identity', () => {
    for (const distance of [
      { f: euclideanDistance<ArrayTensor>, theta: [1, 0, 0, 0, 1, 0] },
      { f: geodesicDistance<ArrayTensor>, theta: [1, 0, 0, 0, 1, 0, 0, 0] },
    ]) {
      const theta = ops.constant(distance.theta, [1, distance.theta.length])
      expect(distance.f(ops, theta).data[0]).toBeLessThan(1e-12)
      const [gradient] = grad((x: ArrayTensor) => ops.sum(distance.f(ops, x)))(theta)
      expect(Math.max(...gradient.data.map(Math.abs))).toBeLessThan(1e-6)
    }
  })

  it.each([
    { what: 'a half turn', h: diagonal(-1, -1, 1), angle: Math.PI },
    { what: 'a quarter turn', h: [0, -1, 0, 1, 0, 0, 0, 0, 1], angle: Math.PI / 2 },
    { what: 'rank 1', h: diagonal(0, 0, 1), angle: Math.PI },
    { what: 'a mirror', h: diagonal(-1, 1, 1), angle: Math.PI },
    { what: 'rank 1, nearly', h: diagonal(1e-6, 1e-6, 1) },
    { what: 'a mirror, nearly', h: diagonal(-1, 1 + 1e-6, 1) },
    { what: 'a very large matrix', h: [1e6, 2e6, 3e6, -4e6, 5e6, 6e6, 7e6, 8e6, 1] },
  ])('geodesic of $what is finite, and its gradient', ({ h, angle }) => {
    const theta = stack([h.slice(0, 8)])
    const [gradient] = grad((x: ArrayTensor) => ops.sum(geodesicDistance(ops, x)))(theta)
    expect(gradient.data.every(Number.isFinite)).toBe(true)
    const distance = geodesic([h], 0).data[0]
    expect(Number.isFinite(distance)).toBe(true)
    if (angle !== undefined) expect(Math.abs(distance - angle)).toBeLessThan(type === 'float64' ? 1e-4 : 2e-2)
  })

  const singular = [
    { what: 'rank 1', h: diagonal(0, 0, 1) },
    { what: 'rank 1, full', h: [1, 1, 1, 1, 1, 1, 1, 1, 1] },
    { what: 'a mirror', h: diagonal(-1, 1, 1) },
    ...[1, 2, 3].map((n) => {
      const turned = product(product(rotation(`p${n}`), diagonal(1, 0, 0)), transposed(rotation(`q${n}`)))
      return { what: `rank 1, turned ${n}`, h: scaled(turned, 1 / turned[8]) }
    }),
  ]
  it.each(singular)('geodesic of $what, where no rotation is nearest, is π + λ‖H‖²', ({ h }) => {
    const square = h.reduce((sum, element) => sum + element * element, 0)
    for (const lambda of [0, 0.1, 1]) {
      const expected = Math.PI + lambda * square
      const bound = type === 'float64' ? 1e-4 : 2e-2
      expect(relativeError(geodesic([h], lambda).data, [expected])).toBeLessThan(bound)
    }
  })

  // Approaches a singular point, H = U diag(σ) Vᵀ. The nearest rotation is exact down to the limit of ζ and scaled down below it.
  it.each([0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 1e-6])(
    'geodesic has the documented digits, and a gradient, %d away from rank 1',
    (gap) => {
      const sigma = [1, 0.6 * gap, 0.4 * gap] as const
      const zeta = ((1 + sigma[1]) * (1 + sigma[2]) * gap) / Math.hypot(...sigma) ** 3
      const shrinking = Math.min(1, zeta / (type === 'float64' ? 1e-4 : 1e-2))
      let compared = 0
      for (let i = 0; i < 40; i++) {
        const [u, v] = [rotation(`u${i}`), rotation(`v${i}`)]
        const h = product(product(u, diagonal(...sigma)), transposed(v))
        if (h[8] < 0.2) continue
        const nearest = product(u, transposed(v))
        const rotated = scaled(nearest, shrinking)
        // The tangent of half the angle, from both sine and cosine as in the implementation.
        const cosine = (rotated[0] + rotated[4] + rotated[8] - 1) / 2
        const sine = Math.hypot(...rotated.map((p, k) => p - transposed(rotated)[k])) / Math.sqrt(8)
        const half = Math.atan(sine / (1 + Math.abs(cosine)))
        const angle = cosine > 0 ? 2 * half : Math.PI - 2 * half
        const theta = stack([scaled(h, 1 / h[8]).slice(0, 8)])
        const error = Math.abs(geodesicDistance(ops, theta, { lambda: 0 }).data[0] - angle)
        const above = zeta > 0.1 ? 2e-6 : 1e-4
        expect(error).toBeLessThan(
          type === 'float64' ? (shrinking === 1 ? 1e-8 : 1e-4) : shrinking === 1 ? above : 2e-2,
        )
        const [gradient] = grad((x: ArrayTensor) => ops.sum(geodesicDistance(ops, x)))(theta)
        expect(gradient.data.every(Number.isFinite)).toBe(true)
        compared++
      }
      expect(compared).toBeGreaterThan(10)
    },
  )
})

describe('gradients of the distances match finite differences', () => {
  it('euclidean', () => {
    checkGradients((theta) => euclideanDistance(ops64, theta), [random('theta', [5, 6])])
  })

  it('geodesic, near the identity and far from it', () => {
    const near = ops64.add(
      ops64.multiply(random('near', [6, 8]), 0.15),
      ops64.constant(identity.slice(0, 8), [1, 8]),
    )
    checkGradients((theta) => geodesicDistance(ops64, theta), [near], 1e-6)
    checkGradients((theta) => geodesicDistance(ops64, theta, { lambda: 0.5 }), [random('far', [6, 8])], 1e-6)
    const quarterTurn = ops64.constant([0, -1, 0, 1, 0, 0, 0, 0], [1, 8])
    checkGradients((theta) => geodesicDistance(ops64, theta), [quarterTurn], 1e-6)
  })
})

it('distances reject other parameters', () => {
  expect(() => euclideanDistance(ops64, random('theta', [2, 8]))).toThrow(
    '`theta` must have the shape [transformations, 6] for affine transformations, got 2x8.',
  )
  expect(() => geodesicDistance(ops64, random('theta', [8]))).toThrow(
    '`theta` must have the shape [transformations, 8] for homographies, got 8.',
  )
  expect(() => geodesicDistance(ops64, random('theta', [2, 8]), { lambda: -1 })).toThrow(
    '`lambda` must be a finite number of at least 0, got -1.',
  )
})
