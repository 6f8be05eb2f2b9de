import { InverseFormError } from '@inverseform/errors'
import type { Value } from '../graph/value.js'
import type { WeightPrecision } from './precision.js'

/** The number type in which a network computes. */
export type ComputeType = 'float32' | 'float16'

/**
 * Returns the type in which a float16 network computes an operator, given the type of its first input.
 *
 * Sums over an axis that grows with the image stay in float32. In float16 a sum of 131 072 terms (1024x2048 at 1/4)
 * stops growing at a fraction of its value. A softmax over as many elements has values near 2^-17, below float16's
 * normal numbers, which a GPU may flush to zero. Layout changes keep the type of their input.
 */
export function computeTypeOf(value: Value, input: ComputeType): ComputeType {
  switch (value.op) {
    case 'softmax':
      return typeof value.shape[value.attributes.axis] === 'number' ? 'float16' : 'float32'
    case 'matmul':
      return typeof value.inputs[0].shape.at(-1) === 'number' ? 'float16' : 'float32'
    case 'transpose':
    case 'unsqueeze':
    case 'flattenSpatial':
    case 'unflattenSpatialLike':
      return input
    default:
      return 'float16'
  }
}

/**
 * Returns the precision in which weights are stored.
 * @throws InverseFormError `invalid-argument` for a precision that does not fit the compute type
 */
export function storedPrecision(
  compute: ComputeType,
  precision: WeightPrecision | undefined,
): WeightPrecision {
  if (precision !== undefined && compute === 'float16' && precision !== 'float16') {
    throw new InverseFormError(
      'invalid-argument',
      `Weights cannot be stored in ${precision} for a network that computes in float16.`,
      {
        hint: "Leave `precision` out: float16 networks store float16 weights. Use int8 weights with `compute: 'float32'`.",
        details: { compute, precision },
      },
    )
  }
  return precision ?? compute
}
