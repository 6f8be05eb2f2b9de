import { InverseFormError } from '@inverseform/errors'
import { product } from '@inverseform/shared'
import type { ByteSink } from '../io/sink.js'
import { asLittleEndian, isDType, itemSize } from './dtype.js'
import { LENGTH_SIZE, safetensorsDTypes } from './safetensors.js'
import type { DType, OtherDType, TensorData } from './types.js'

/** A tensor to write, such as a `CheckpointTensor`. */
export interface WritableTensor {
  readonly name: string
  readonly dtype: DType | OtherDType
  readonly shape: readonly number[]
  read(): Promise<TensorData>
}

interface Plan {
  readonly header: Uint8Array
  /** Sorted by the order of their data. */
  readonly tensors: readonly WritableTensor[]
  readonly dataSize: number
}

/**
 * Writes tensors as a safetensors file, with one tensor in memory at a time. The header keeps their order. The data are
 * sorted by decreasing element size, so that every tensor is aligned for its type.
 *
 * @throws InverseFormError `invalid-argument` for duplicate or reserved names, `size-mismatch` when `read()` returns
 * another type or length than the tensor's
 */
export async function writeSafetensors(
  tensors: Iterable<WritableTensor>,
  sink: ByteSink,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const plan = planFile(tensors, metadata)
  const length = new Uint8Array(LENGTH_SIZE)
  new DataView(length.buffer).setBigUint64(0, BigInt(plan.header.byteLength), true)
  await sink.write(length)
  await sink.write(plan.header)
  for (const tensor of plan.tensors) {
    const { data, dtype } = await tensor.read()
    if (dtype !== tensor.dtype || data.length !== product(tensor.shape)) {
      throw new InverseFormError(
        'size-mismatch',
        `The tensor ${JSON.stringify(tensor.name)} is ${tensor.dtype} of shape [${tensor.shape}], but its read() returned ${data.length} ${dtype} elements.`,
        { hint: 'Make read() return the type and number of elements of `dtype` and `shape`.' },
      )
    }
    await sink.write(asLittleEndian(data))
  }
}

/** Returns the number of bytes that `writeSafetensors` writes for the same arguments. */
export function safetensorsByteLength(
  tensors: Iterable<WritableTensor>,
  metadata: Readonly<Record<string, string>> = {},
): number {
  const { header, dataSize } = planFile(tensors, metadata)
  return LENGTH_SIZE + header.byteLength + dataSize
}

const typeNames = Object.fromEntries(
  Object.entries(safetensorsDTypes).map(([name, dtype]) => [dtype, name]),
) as Record<DType, string>

function planFile(tensors: Iterable<WritableTensor>, metadata: Readonly<Record<string, string>>): Plan {
  const given = [...tensors]
  const byElementSize = [...given].sort((a, b) => itemSize(b.dtype) - itemSize(a.dtype))
  const offsets = new Map<string, readonly [number, number]>([['__metadata__', [0, 0]]])
  let dataSize = 0
  for (const tensor of byElementSize) {
    if (offsets.has(tensor.name)) {
      throw new InverseFormError(
        'invalid-argument',
        `The tensor name ${JSON.stringify(tensor.name)} is reserved or used twice.`,
        { hint: 'Give every tensor a unique name other than __metadata__.' },
      )
    }
    if (!isDType(tensor.dtype)) {
      throw new InverseFormError(
        'invalid-argument',
        `The tensor ${JSON.stringify(tensor.name)} is ${tensor.dtype}, which cannot be written.`,
        { hint: 'Leave it out. Tensors with an `unreadable` reason cannot be read.' },
      )
    }
    const end = dataSize + product(tensor.shape) * itemSize(tensor.dtype)
    offsets.set(tensor.name, [dataSize, end])
    dataSize = end
  }
  // JSON of an object would put numeric names first, so each pair is encoded on its own.
  const entries = given.map(({ name, dtype, shape }) =>
    entry(name, { dtype: typeNames[dtype as DType], shape, data_offsets: offsets.get(name) }),
  )
  if (Object.keys(metadata).length) entries.unshift(entry('__metadata__', metadata))
  const json = new TextEncoder().encode(`{${entries.join(',')}}`)
  const header = new Uint8Array(Math.ceil(json.byteLength / 8) * 8).fill(0x20)
  header.set(json)
  return { header, tensors: byElementSize, dataSize }
}

function entry(key: string, value: unknown): string {
  return `${JSON.stringify(key)}:${JSON.stringify(value)}`
}
