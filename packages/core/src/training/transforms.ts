import { checkFunction, checkLength, formatValue, InverseFormError } from '@inverseform/errors'
import type { Random } from '@inverseform/shared'
import { sizeMismatch } from '../shape.js'

/** A 3x3 matrix in row-major order. */
export type Matrix3 = readonly [
  ...row1: [number, number, number],
  ...row2: [number, number, number],
  ...row3: [number, number, number],
]

/**
 * A transformation of maps. Coordinates are normalized: -1 is the left or top border of a map and 1 the right or bottom border,
 * so a displacement of 1 is half a map.
 */
export interface Transform {
  /** Maps a point (x, y, 1) of the transformed map to the point of the original map with its value, as PyTorch's `affine_grid`. */
  readonly matrix: Matrix3
  /** The same as 2, 4, 6 or 8 numbers, which {@link transformMatrix} explains. */
  readonly parameters: readonly number[]
}

/** A range of uniformly drawn numbers. */
export type Range = readonly [least: number, greatest: number]

export interface ShiftRanges {
  /** Displacements along x and y, drawn independently. Default [-0.25, 0.25], an eighth of the map in both directions. */
  readonly shift?: Range
}

export interface ScaleRanges {
  /**
   * Factors along x and y, drawn independently, above 0. A factor above 1 shows more of the original map at a smaller scale.
   * Default [0.8, 1.25].
   */
  readonly scale?: Range
}

export interface RotationRanges {
  /** Angle in radians, from x toward y. It turns the sampling points, so the image turns the other way. Default [-π/12, π/12]. */
  readonly angle?: Range
}

export interface AffineRanges extends ShiftRanges, ScaleRanges, RotationRanges {
  /** How far x moves with y. Default [-0.1, 0.1]. */
  readonly shear?: Range
}

export interface HomographyRanges extends AffineRanges {
  /** The first two elements of the last row, in (-0.5, 0.5) to keep the horizon outside the map. Default [-0.1, 0.1]. */
  readonly perspective?: Range
}

/** Draws a displacement; 2 parameters. */
export function sampleShift(random: Random, { shift }: ShiftRanges = {}): Transform {
  return transform([draw(random, 'shift', shift), draw(random, 'shift', shift)])
}

/** Draws factors along x and y about the map's center; 4 parameters, the first two of which are 0. */
export function sampleScale(random: Random, { scale }: ScaleRanges = {}): Transform {
  const [x, y] = drawScales(random, scale)
  return transform([0, 0, x - 1, y - 1])
}

/** Draws a displacement and factors along x and y, which the published InverseNet estimates; 4 parameters. */
export function sampleShiftAndScale(random: Random, ranges: ShiftRanges & ScaleRanges = {}): Transform {
  return transform([
    ...sampleShift(random, ranges).parameters,
    ...sampleScale(random, ranges).parameters.slice(2),
  ])
}

/** Draws a rotation about the map's center in normalized coordinates, which shears maps that are not square; 6 parameters. */
export function sampleRotation(random: Random, { angle }: RotationRanges = {}): Transform {
  const radians = draw(random, 'angle', angle)
  const [cosine, sine] = [Math.cos(radians), Math.sin(radians)]
  return transform([cosine, -sine, 0, sine, cosine, 0])
}

/** Draws a scale, then a shear, a rotation and a displacement; 6 parameters. */
export function sampleAffine(random: Random, ranges: AffineRanges = {}): Transform {
  const [tx, ty] = sampleShift(random, ranges).parameters as [number, number]
  const [sx, sy] = drawScales(random, ranges.scale)
  const [cosine, , , sine] = sampleRotation(random, ranges).parameters as [number, number, number, number]
  const shear = draw(random, 'shear', ranges.shear)
  return transform([
    cosine * sx,
    (cosine * shear - sine) * sy,
    tx,
    sine * sx,
    (sine * shear + cosine) * sy,
    ty,
  ])
}

/** Draws an affine transformation with perspective; 8 parameters. */
export function sampleHomography(random: Random, ranges: HomographyRanges = {}): Transform {
  const affine = sampleAffine(random, ranges).parameters
  const { perspective } = ranges
  return transform([
    ...affine,
    draw(random, 'perspective', perspective),
    draw(random, 'perspective', perspective),
  ])
}

/**
 * Returns the matrix of a transformation's parameters, in normalized coordinates:
 *
 * - 2, displacements: `tx, ty`, in half maps; the identity is 0, 0
 * - 4, the published InverseNet's coefficients: `tx, ty, sx - 1, sy - 1`, with `sx`, `sy` the factors; the identity is 0, 0, 0, 0
 * - 6, an affine transformation, as for {@link euclideanDistance}: the 2x3 matrix in row-major order; the identity is 1, 0, 0, 0, 1, 0
 * - 8, a homography, as for {@link geodesicDistance}: the 3x3 matrix in row-major order without its last element, which is 1;
 *   the identity is 1, 0, 0, 0, 1, 0, 0, 0
 *
 * @throws InverseFormError `size-mismatch` for another number of parameters
 */
export function transformMatrix(parameters: ArrayLike<number>): Matrix3 {
  const [a, b, c, d, e, f, g, h] = Array.from(parameters) as unknown as Matrix3
  switch (parameters.length) {
    case 2:
      return [1, 0, a, 0, 1, b, 0, 0, 1]
    case 4:
      return [1 + c, 0, a, 0, 1 + d, b, 0, 0, 1]
    case 6:
      return [a, b, c, d, e, f, 0, 0, 1]
    case 8:
      return [a, b, c, d, e, f, g, h, 1]
    default:
      throw unknownForm(parameters.length)
  }
}

/**
 * Returns the parameters of a matrix, the inverse of {@link transformMatrix}. The matrix may have any scale.
 *
 * @param count 2, 4, 6 or 8
 * @throws InverseFormError `size-mismatch` unless the matrix has 9 elements, for another count, or if `count` parameters cannot
 *   describe the matrix to 1e-6; `invalid-argument` when its last element is 0
 */
export function transformParameters(matrix: ArrayLike<number>, count: number): number[] {
  checkLength('matrix', matrix.length, 9, 'in row-major order')
  if (matrix[8] === 0) {
    throw new InverseFormError('invalid-argument', 'The last element of `matrix` must not be 0.', {
      hint: 'Parameters describe matrices that are scaled to a last element of 1. Use a matrix that maps the center to a finite point.',
      details: { matrix: Array.from(matrix) },
    })
  }
  const m = Array.from(matrix, (element) => element / matrix[8])
  const [a, , tx, , e, ty] = m as [number, number, number, number, number, number]
  const forms: Record<number, number[]> = {
    2: [tx, ty],
    4: [tx, ty, a - 1, e - 1],
    6: m.slice(0, 6),
    8: m.slice(0, 8),
  }
  const parameters = forms[count]
  if (!parameters) throw unknownForm(count)
  if (transformMatrix(parameters).every((element, i) => Math.abs(element - m[i]) <= 1e-6)) return parameters
  throw sizeMismatch(
    `${count} parameters cannot describe the matrix [${m.join(', ')}].`,
    'Use more parameters: 4 for displacement and scale, 6 for affine transformations, 8 for homographies.',
    { matrix: m, count },
  )
}

function unknownForm(count: number): InverseFormError {
  return sizeMismatch(
    `A transformation must have 2, 4, 6 or 8 parameters, got ${count}.`,
    'Use 2 (displacement), 4 (displacement and scale), 6 (affine) or 8 (homography).',
    { count },
  )
}

const transform = (parameters: readonly number[]): Transform => ({
  matrix: transformMatrix(parameters),
  parameters,
})

const unlimited = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const
const limits = {
  shift: { byDefault: [-0.25, 0.25], within: unlimited },
  scale: { byDefault: [0.8, 1.25], within: [0, Number.POSITIVE_INFINITY] },
  angle: { byDefault: [-Math.PI / 12, Math.PI / 12], within: unlimited },
  shear: { byDefault: [-0.1, 0.1], within: unlimited },
  perspective: { byDefault: [-0.1, 0.1], within: [-0.5, 0.5] },
} as const

const drawScales = (random: Random, range?: Range): readonly [number, number] => [
  draw(random, 'scale', range),
  draw(random, 'scale', range),
]

function draw(random: Random, name: keyof typeof limits, range?: Range): number {
  checkFunction('random', random)
  const { byDefault, within } = limits[name]
  const given = range ?? byDefault
  const [least, greatest] = Array.isArray(given) ? given : [Number.NaN, Number.NaN]
  if (least > within[0] && least <= greatest && greatest < within[1]) {
    return least + (greatest - least) * random()
  }
  throw new InverseFormError(
    'invalid-argument',
    `\`${name}\` must be a range [least, greatest] in (${within.join(', ')}), got ${formatValue(range)}.`,
    {
      hint: 'Give two numbers, the smaller one first.',
      details: { [name]: range },
    },
  )
}
