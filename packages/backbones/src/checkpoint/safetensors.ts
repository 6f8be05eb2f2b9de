import { product } from '@inverseform/shared'
import { readUint64 } from './decode.js'
import { itemSize } from './dtype.js'
import type { CheckpointFile } from './file.js'
import { toMetadata } from './metadata.js'
import { describe } from './pickle/values.js'
import { damaged, isObject, type JsonObject, parseHeader } from './safetensors-header.js'
import { contiguousStrides, type StorageBytes, unreadableTensor, viewTensor } from './tensor-view.js'
import { collectTensors } from './tensors.js'
import { tensorsUnder } from './tensors-under.js'
import type { CheckpointContents, CheckpointTensor, DType } from './types.js'

/** Element types by their safetensors names. */
export const safetensorsDTypes = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U8: 'uint8',
  BOOL: 'bool',
} as const satisfies Record<string, DType>

/** Bytes of the header length that precedes the header. */
export const LENGTH_SIZE = 8

/** Element types that are listed but not read: their names in PyTorch and the bits of an element. */
const otherDTypes: Readonly<Record<string, readonly [name: string, bits: number]>> = {
  U16: ['uint16', 16],
  U32: ['uint32', 32],
  U64: ['uint64', 64],
  C64: ['complex64', 64],
  F8_E4M3: ['float8_e4m3fn', 8],
  F8_E5M2: ['float8_e5m2', 8],
  F8_E4M3FNUZ: ['float8_e4m3fnuz', 8],
  F8_E5M2FNUZ: ['float8_e5m2fnuz', 8],
  F8_E8M0: ['float8_e8m0fnu', 8],
  F6_E2M3: ['float6_e2m3fn', 6],
  F6_E3M2: ['float6_e3m2fn', 6],
  F4: ['float4_e2m1fn', 4],
}

interface Entry {
  /** As the file names it. */
  readonly type: string
  readonly shape: readonly number[]
  readonly start: number
  readonly end: number
}

/**
 * Opens a safetensors file: the length of a JSON header, the header, then the bytes of all tensors, little-endian and
 * without gaps (https://github.com/huggingface/safetensors). Tensors of types that cannot be read are listed.
 *
 * @param key opens only the tensors whose names start with it and a dot, by the rest of their names
 */
export async function openSafetensors(file: CheckpointFile, key?: string): Promise<CheckpointContents> {
  const length = readUint64(await file.read(0, LENGTH_SIZE, 'the length of the safetensors header'))
  file.check('maxSafetensorsHeaderBytes', length, 'bytes of the safetensors header')
  const dataStart = LENGTH_SIZE + length
  const header = parseHeader(file, await file.read(LENGTH_SIZE, dataStart, 'the safetensors header'))
  const metadata = readMetadata(file, header)
  const entries = new Map<string, Entry>()
  for (const [name, value] of Object.entries(header)) {
    if (name !== '__metadata__') entries.set(name, readEntry(file, name, value))
  }
  checkCoverage(file, entries, file.size - dataStart)

  const open = (name: string) => {
    const { type, shape, start, end } = entries.get(name)!
    const bytes: StorageBytes = {
      byteLength: end - start,
      read: (from, to) =>
        file.read(dataStart + start + from, dataStart + start + to, `tensor ${describe(name)}`),
    }
    const dtype = readableType(type)
    if (dtype === undefined) return openOther(file, name, entries.get(name)!)
    checkSize(file, name, entries.get(name)!, product(shape) * itemSize(dtype))
    return viewTensor(
      file,
      name,
      { dtype, shape, strides: contiguousStrides(shape), offset: 0 },
      bytes,
      'little',
    )
  }
  const tensors = collectTensors(file, entries.keys(), open)
  return {
    format: 'safetensors',
    tensors: key === undefined ? tensors : tensorsUnder(file, tensors, key),
    metadata,
  }
}

function readableType(type: string): DType | undefined {
  return Object.hasOwn(safetensorsDTypes, type)
    ? safetensorsDTypes[type as keyof typeof safetensorsDTypes]
    : undefined
}

/** Opens a tensor whose values cannot be read. */
function openOther(file: CheckpointFile, name: string, entry: Entry): CheckpointTensor {
  const { type, shape, start, end } = entry
  const [dtype, bits] = Object.hasOwn(otherDTypes, type) ? otherDTypes[type] : [type, undefined]
  file.check('maxElements', product(shape), `tensor ${describe(name)}: elements`)
  if (bits !== undefined) checkSize(file, name, entry, Math.ceil((product(shape) * bits) / 8))
  const reason = `its element type ${describe(type)} is not supported (${Object.keys(safetensorsDTypes).join(', ')} are)`
  return unreadableTensor(file, { name, dtype, shape, byteLength: end - start, reason })
}

function checkSize(file: CheckpointFile, name: string, { type, shape, start, end }: Entry, needed: number) {
  if (needed === end - start) return
  throw damaged(
    file,
    `tensor ${describe(name)} (${type}, shape [${shape}]) takes ${needed} bytes, the header gives it ${end - start}`,
  )
}

function readMetadata(file: CheckpointFile, header: JsonObject) {
  const found = Object.hasOwn(header, '__metadata__') ? header.__metadata__ : {}
  const entries = isObject(found) ? Object.entries(found) : undefined
  if (!entries?.every((entry): entry is [string, string] => typeof entry[1] === 'string')) {
    throw damaged(file, 'its safetensors __metadata__ is not an object of strings')
  }
  return toMetadata(file, new Map(entries))
}

function readEntry(file: CheckpointFile, name: string, value: unknown): Entry {
  const what = `tensor ${describe(name)}`
  const { dtype, shape, data_offsets: offsets } = isObject(value) ? value : ({} as JsonObject)
  // The number of axes first: checking a million of them takes time.
  if (Array.isArray(shape)) file.check('maxDimensions', shape.length, `${what}: dimensions`)
  if (typeof dtype !== 'string' || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw damaged(
      file,
      `${what} lacks a dtype, shape or data_offsets of the right form in the safetensors header`,
    )
  }
  const [start, end] = offsets as [number, number]
  return { type: dtype, shape, start, end }
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)
}

/** Throws unless the tensors cover the data without gaps or overlaps, as the format requires. */
function checkCoverage(file: CheckpointFile, entries: ReadonlyMap<string, Entry>, dataSize: number): void {
  const byOffset = [...entries].sort(([, a], [, b]) => a.start - b.start || a.end - b.end)
  let covered = 0
  for (const [name, { start, end }] of byOffset) {
    if (start !== covered || end < start) {
      throw damaged(
        file,
        `tensor ${describe(name)} has data bytes ${start} to ${end}, expected from ${covered} on`,
      )
    }
    if (end > dataSize) {
      throw file.invalid(
        `tensor ${describe(name)} has data bytes ${start} to ${end}, the file has only ${dataSize}`,
        'The file is cut short or damaged: download or copy it again.',
      )
    }
    covered = end
  }
  if (covered !== dataSize) {
    throw damaged(file, `${dataSize} bytes of data, of which the tensors take ${covered}`)
  }
}
