import { InverseFormError } from '@inverseform/errors'
import { product } from '@inverseform/shared'
import { isDType } from './dtype.js'
import type { DType, DTypeArrays, OtherDType, TensorData } from './types.js'

/** A tensor to write, such as a `CheckpointTensor`. */
export interface WritableTensor {
  readonly name: string
  readonly dtype: DType | OtherDType
  readonly shape: readonly number[]
  read(): Promise<TensorData>
}

/** Throws unless names are unique and not reserved, and all types can be written. */
export function checkWritable(tensors: readonly WritableTensor[], reserved: readonly string[] = []): void {
  const names = new Set(reserved)
  for (const { name, dtype } of tensors) {
    if (names.has(name)) {
      const other = reserved.length ? ` other than ${reserved.join(', ')}` : ''
      throw new InverseFormError(
        'invalid-argument',
        `The tensor name ${JSON.stringify(name)} is reserved or used twice.`,
        { hint: `Give every tensor a unique name${other}.` },
      )
    }
    names.add(name)
    if (!isDType(dtype)) {
      throw new InverseFormError(
        'invalid-argument',
        `The tensor ${JSON.stringify(name)} is ${dtype}, which cannot be written.`,
        { hint: 'Leave it out. Tensors with an `unreadable` reason cannot be read.' },
      )
    }
  }
}

/** Reads the values of a tensor. Throws `size-mismatch` unless their type and number are the tensor's. */
export async function readWritable(tensor: WritableTensor): Promise<DTypeArrays[DType]> {
  const { data, dtype } = await tensor.read()
  if (dtype === tensor.dtype && data.length === product(tensor.shape)) return data
  throw new InverseFormError(
    'size-mismatch',
    `The tensor ${JSON.stringify(tensor.name)} is ${tensor.dtype} of shape [${tensor.shape}], but its read() returned ${data.length} ${dtype} elements.`,
    { hint: 'Make read() return the type and number of elements of `dtype` and `shape`.' },
  )
}
