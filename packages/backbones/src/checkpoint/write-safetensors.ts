import { product } from '@inverseform/shared'
import type { ByteSink } from '../io/sink.js'
import { asLittleEndian, itemSize } from './dtype.js'
import { LENGTH_SIZE, safetensorsDTypes } from './safetensors.js'
import type { DType } from './types.js'
import { checkWritable, readWritable, type WritableTensor } from './writable.js'

/** The header's key of the metadata, which no tensor can have. */
const METADATA = '__metadata__'

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
    await sink.write(asLittleEndian(await readWritable(tensor)))
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
  checkWritable(given, [METADATA])
  const byElementSize = [...given].sort((a, b) => itemSize(b.dtype) - itemSize(a.dtype))
  const offsets = new Map<string, readonly [number, number]>()
  let dataSize = 0
  for (const tensor of byElementSize) {
    const end = dataSize + product(tensor.shape) * itemSize(tensor.dtype)
    offsets.set(tensor.name, [dataSize, end])
    dataSize = end
  }
  // JSON of an object would put numeric names first, so each pair is encoded on its own.
  const entries = given.map(({ name, dtype, shape }) =>
    entry(name, { dtype: typeNames[dtype as DType], shape, data_offsets: offsets.get(name) }),
  )
  if (Object.keys(metadata).length) entries.unshift(entry(METADATA, metadata))
  const json = new TextEncoder().encode(`{${entries.join(',')}}`)
  const header = new Uint8Array(Math.ceil(json.byteLength / 8) * 8).fill(0x20)
  header.set(json)
  return { header, tensors: byElementSize, dataSize }
}

function entry(key: string, value: unknown): string {
  return `${JSON.stringify(key)}:${JSON.stringify(value)}`
}
