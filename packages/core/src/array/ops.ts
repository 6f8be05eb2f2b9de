import { checkOneOf } from '@inverseform/errors'
import { product } from '@inverseform/shared'
import type { FusedOps, Shape, SortOps, TensorOps } from '../ops.js'
import { shapeText, sizeMismatch } from '../shape.js'
import { arithmetic } from './arithmetic.js'
import { classOperations } from './classes.js'
import { functions } from './functions.js'
import { layout } from './layout.js'
import { products } from './matmul.js'
import { reductions } from './reduce.js'
import { softmaxCrossEntropies } from './softmax-cross-entropy.js'
import { sorting } from './sort.js'
import { selection } from './take-along-axis.js'
import type { Allocate, ArrayTensor } from './tensor.js'

/** All the operations that the losses use. */
export type ArrayOps = TensorOps<ArrayTensor> & SortOps<ArrayTensor> & FusedOps<ArrayTensor>

export interface ArrayOpsOptions {
  /** Type of every tensor: `float32` (default), or `float64` with twice the memory and more than twice the digits. */
  readonly type?: 'float32' | 'float64'
}

/**
 * Returns the losses' operations on typed arrays: eager, in plain JavaScript, without dependencies. Reductions use double
 * precision for either type. Matrix products accumulate in the type itself, a few terms at a time.
 *
 * @throws InverseFormError `invalid-argument` for another type; `size-mismatch` from operations whose operands' shapes do not
 *   fit each other
 */
export function arrayOps({ type = 'float32' }: ArrayOpsOptions = {}): ArrayOps {
  checkOneOf('type', type, ['float32', 'float64'])
  const Data = { float32: Float32Array, float64: Float64Array }[type]
  const allocate: Allocate = (length) => new Data(length)
  return {
    constant: (data, shape) => {
      checkSize(data, shape)
      return { data: data instanceof Data ? data : new Data(data), shape }
    },
    shape: (x) => x.shape,
    stopGradient: ({ data, shape }) => ({ data, shape }),
    ...arithmetic(allocate),
    ...functions(allocate),
    ...products(allocate),
    ...layout(allocate),
    ...reductions(allocate),
    ...selection(allocate),
    ...softmaxCrossEntropies(allocate),
    ...classOperations(allocate),
    ...sorting,
  }
}

function checkSize(data: ArrayLike<number>, shape: Shape): void {
  if (data.length === product(shape)) return
  throw sizeMismatch(
    `\`data\` must have ${product(shape)} elements for a tensor of ${shapeText(shape)}, got ${data.length}.`,
    'Give one value for each element of the tensor.',
    { length: data.length, shape },
  )
}
