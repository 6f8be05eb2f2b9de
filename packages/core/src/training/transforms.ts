import { InverseFormError } from '@inverseform/errors'
import { sizeMismatch } from '../shape.js'
import type { Random } from './random.js'

/** A 3x3 matrix, row by row. */
export type Matrix3 = readonly [
  ...row1: [number, number, number],
  ...row2: [number, number, number],
  ...row3: [number, number, number],
]

/**
 * A transformation of maps. Coordinates are normalised: -1 and 1 are a map's outer borders (left, top and right, bottom), so
 * that a displacement of 1 is half a map.
 */
export interface Transform {
  /** Takes a point (x, y, 1) of the transformed map to where in the original map its value lies, as in PyTorch's `affine_grid`. */
  readonly matrix: Matrix3
  /** The same in 2, 4, 6 or 8 numbers, whose meaning {@link transformMatrix} tells. */
  readonly parameters: readonly number[]
}

/** Numbers from the first to the second, drawn uniformly. */
export type Range = readonly [least: number, greatest: number]

export interface ShiftRanges {
  /** Displacements along x and y, each drawn by itself. Default [-0.25, 0.25], an eighth of the map both ways. */
  readonly shift?: Range
}

export interface ScaleRanges {
  /**
   * Factors along x and y, each drawn by itself, above 0. Above 1, more of the original map is seen, smaller.
   * Default [0.8, 1.25].
   */
  readonly scale?: Range
}

export interface RotationRanges {
  /** Angle in radians, from x towards y. It turns the sampling points; the picture turns the other way. Default [-π/12, π/12]. */
  readonly angle?: Range
}

export interface AffineRanges extends ShiftRanges, ScaleRanges, RotationRanges {
  /** How far x moves with y. Default [-0.1, 0.1]. */
  readonly shear?: Range
}

export interface HomographyRanges extends AffineRanges {
  /** The last row's first two numbers, each within (-0.5, 0.5), so that no point of the map lies on the horizon. Default [-0.1, 0.1]. */
  readonly perspective?: Range
}

/** A displacement; 2 parameters. */
export function sampleShift(random: Random, { shift }: ShiftRanges = {}): Transform {
  return transform([draw(random, 'shift', shift), draw(random, 'shift', shift)])
}

/** Factors along x and y about the map's centre; 4 parameters, the first two of them 0. */
export function sampleScale(random: Random, { scale }: ScaleRanges = {}): Transform {
  const [x, y] = drawScales(random, scale)
  return transform([0, 0, x - 1, y - 1])
}

/** A displacement and factors along x and y: what the published InverseNet estimates; 4 parameters. */
export function sampleShiftAndScale(random: Random, ranges: ShiftRanges & ScaleRanges = {}): Transform {
  return transform([
    ...sampleShift(random, ranges).parameters,
    ...sampleScale(random, ranges).parameters.slice(2),
  ])
}

/** A rotation about the map's centre, in normalised coordinates: on a map that is not square it shears too; 6 parameters. */
export function sampleRotation(random: Random, { angle }: RotationRanges = {}): Transform {
  const radians = draw(random, 'angle', angle)
  const [cosine, sine] = [Math.cos(radians), Math.sin(radians)]
  return transform([cosine, -sine, 0, sine, cosine, 0])
}

/** Scaled, then sheared, then rotated, then displaced; 6 parameters. */
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

/** An affine transformation, and perspective; 8 parameters. */
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
 * The matrix of a transformation's parameters, in normalised coordinates:
 *
 * - 2, displacements: `tx, ty`, in half maps; the identity is 0, 0
 * - 4, the published InverseNet's coefficients: `tx, ty, sx - 1, sy - 1`, with `sx`, `sy` the factors; the identity is 0, 0, 0, 0
 * - 6, an affine transformation, as {@link euclideanDistance} takes: the 2x3 matrix row by row; the identity is 1, 0, 0, 0, 1, 0
 * - 8, a homography, as {@link geodesicDistance} takes: the 3x3 matrix row by row without its last element, which is 1;
 *   the identity is 1, 0, 0, 0, 1, 0, 0, 0
 *
 * @throws `size-mismatch` for another number of parameters
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
 * The parameters of a matrix: the inverse of {@link transformMatrix}. The matrix may be any multiple.
 *
 * @param count 2, 4, 6 or 8
 * @throws `size-mismatch` when the matrix has other than 9 elements, for another count, and for a matrix that as many
 *   parameters do not describe (by more than 1e-6); `invalid-argument` when its last element is 0
 */
export function transformParameters(matrix: ArrayLike<number>, count: number): number[] {
  if (matrix.length !== 9) {
    throw sizeMismatch(`A matrix of ${matrix.length} elements was given.`, 'Give 9, row by row.')
  }
  if (matrix[8] === 0) {
    throw new InverseFormError('invalid-argument', 'The last element of a matrix is 0.', {
      hint: 'Parameters describe matrices scaled so that their last element is 1: give one that moves the centre of the map to a point.',
      details: { matrix: Array.from(matrix) },
    })
  }
  const m = Array.from(matrix, (element) => element / matrix[8]!)
  const [a, , tx, , e, ty] = m as [number, number, number, number, number, number]
  const forms: Record<number, number[]> = {
    2: [tx, ty],
    4: [tx, ty, a - 1, e - 1],
    6: m.slice(0, 6),
    8: m.slice(0, 8),
  }
  const parameters = forms[count]
  if (!parameters) throw unknownForm(count)
  if (transformMatrix(parameters).every((element, i) => Math.abs(element - m[i]!) <= 1e-6)) return parameters
  throw sizeMismatch(
    `The matrix [${m.join(', ')}] is not described by ${count} parameters.`,
    'Ask for more: 4 hold displacement and scale, 6 affine transformations, 8 homographies.',
    { matrix: m, count },
  )
}

function unknownForm(count: number): InverseFormError {
  return sizeMismatch(
    `There is no transformation of ${count} parameters.`,
    'Use 2 (displacement), 4 (displacement and scale), 6 (affine) or 8 (homography).',
    { count },
  )
}

const transform = (parameters: readonly number[]): Transform => ({
  matrix: transformMatrix(parameters),
  parameters,
})

const anything = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const
const limits = {
  shift: { byDefault: [-0.25, 0.25], within: anything },
  scale: { byDefault: [0.8, 1.25], within: [0, Number.POSITIVE_INFINITY] },
  angle: { byDefault: [-Math.PI / 12, Math.PI / 12], within: anything },
  shear: { byDefault: [-0.1, 0.1], within: anything },
  perspective: { byDefault: [-0.1, 0.1], within: [-0.5, 0.5] },
} as const

const drawScales = (random: Random, range?: Range): readonly [number, number] => [
  draw(random, 'scale', range),
  draw(random, 'scale', range),
]

function draw(random: Random, name: keyof typeof limits, range?: Range): number {
  const { byDefault, within } = limits[name]
  const [least, greatest] = range ?? byDefault
  if (least > within[0] && least <= greatest && greatest < within[1]) {
    return least + (greatest - least) * random()
  }
  throw new InverseFormError('invalid-argument', `The range '${name}' is [${least}, ${greatest}].`, {
    hint: `Give two numbers in (${within.join(', ')}), the smaller first.`,
    details: { [name]: range },
  })
}
