import { InverseFormError } from '@inverseform/errors'
import type { Value } from '../graph/value.js'
import type { WeightPrecision } from './precision.js'

/** What a network's operators compute in. */
export type ComputeType = 'float32' | 'float16'

/**
 * What an operator is computed in where the network is computed in float16, given what its first input is in.
 *
 * Sums over an axis as long as the image is large stay in float32: one of 131 072 terms (1024x2048 at 1/4) made in
 * float16 stops growing at a fraction of its value, and a softmax over as many has shares of 2^-17, below float16's
 * normal numbers, which a GPU may take for zero. Layout changes keep what they are given.
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
 * What weights are stored in.
 * @throws `invalid-argument` for a precision that the computation would have to undo
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
        hint: 'Leave `precision` out: computing in float16 stores weights in float16. Int8 weights go with computing in float32.',
        details: { compute, precision },
      },
    )
  }
  return precision ?? compute
}
