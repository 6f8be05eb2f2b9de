import { InverseFormError } from '@inverseform/errors'
import type { FusedOps } from '../fused-ops.js'
import type { Shape, TensorOps } from '../ops.js'
import { shapeText, sizeMismatch, sizeOf } from '../shape.js'
import type { SortOps } from '../sort-ops.js'
import { arithmetic } from './arithmetic.js'
import { functions } from './functions.js'
import { layout } from './layout.js'
import { products } from './matmul.js'
import { picking } from './pick.js'
import { reductions } from './reduce.js'
import { softmaxCrossEntropies } from './softmax-cross-entropy.js'
import { sorting } from './sort.js'
import type { Allocate, ArrayTensor } from './tensor.js'

/** All that any loss of this package asks for. */
export type ArrayOps = TensorOps<ArrayTensor> & SortOps<ArrayTensor> & FusedOps<ArrayTensor>

export interface ArrayOpsOptions {
  /** Type of every tensor made: `float32` (default), or `float64` for twice the memory and more than twice the digits. */
  readonly type?: 'float32' | 'float64'
}

/**
 * The losses' operations on typed arrays, computed at once, in plain JavaScript, without dependencies.
 * Reductions run in double precision whatever the type; a matrix product's sums are kept in the type, a few terms at a time.
 *
 * @throws `size-mismatch` from any operation whose operands' shapes do not go together
 */
export function arrayOps({ type = 'float32' }: ArrayOpsOptions = {}): ArrayOps {
  const Data = { float32: Float32Array, float64: Float64Array }[type]
  if (!Data) {
    throw new InverseFormError('invalid-argument', `Type '${type}' was asked for.`, {
      hint: "Choose 'float32' or 'float64'.",
      details: { type },
    })
  }
  const allocate: Allocate = (length) => new Data(length)
  return {
    constant: (data, shape) => {
      checkLength(data, shape)
      return { data: data instanceof Data ? data : new Data(data), shape }
    },
    shape: (x) => x.shape,
    stopGradient: ({ data, shape }) => ({ data, shape }),
    ...arithmetic(allocate),
    ...functions(allocate),
    ...products(allocate),
    ...layout(allocate),
    ...reductions(allocate),
    ...picking(allocate),
    ...softmaxCrossEntropies(allocate),
    ...sorting,
  }
}

function checkLength(data: ArrayLike<number>, shape: Shape): void {
  if (data.length === sizeOf(shape)) return
  throw sizeMismatch(
    `${data.length} values were given for a tensor of ${shapeText(shape)}.`,
    `Give ${sizeOf(shape)} values.`,
    { length: data.length, shape },
  )
}
